// Command volumes makes the persistent volumes of one node: a folder of its disk for each claim.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

type folders struct {
	node, root string
}

// Provision makes the folder of a claim whose pod the scheduler has put on this node.
func (f folders) Provision(_ context.Context, wish controller.ProvisionOptions) (*core.PersistentVolume, controller.ProvisioningState, error) {
	if wish.SelectedNodeName != f.node {
		return nil, controller.ProvisioningFinished, &controller.IgnoredError{Reason: "the pod is on another node"}
	}
	path := f.folder(wish.PVName)
	// The folder above is root's alone; a pod sees this one by its mount, as whoever it runs as.
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	if err := os.Chmod(path, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	mode := core.PersistentVolumeFilesystem
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: wish.PVName},
		Spec: core.PersistentVolumeSpec{
			AccessModes:                   wish.PVC.Spec.AccessModes,
			Capacity:                      core.ResourceList{core.ResourceStorage: wish.PVC.Spec.Resources.Requests[core.ResourceStorage]},
			PersistentVolumeReclaimPolicy: *wish.StorageClass.ReclaimPolicy,
			VolumeMode:                    &mode,
			PersistentVolumeSource:        core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: path}},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{{
				MatchExpressions: []core.NodeSelectorRequirement{{
					Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{f.node},
				}},
			}}}},
		},
	}, controller.ProvisioningFinished, nil
}

// Delete removes the folder of a volume, and nothing outside of the root.
func (f folders) Delete(_ context.Context, volume *core.PersistentVolume) error {
	path := f.folder(volume.Name)
	if volume.Spec.Local == nil || volume.Spec.Local.Path != path {
		return fmt.Errorf("%s is not at %s: it is left alone", volume.Name, path)
	}
	return os.RemoveAll(path)
}

func (f folders) folder(name string) string {
	return filepath.Join(f.root, filepath.Base(name))
}

func main() {
	access := flag.String("kubeconfig", "", "how to reach the API server")
	name := flag.String("provisioner", "", "the provisioner that StorageClasses name")
	var f folders
	flag.StringVar(&f.node, "node", "", "the name of this node")
	flag.StringVar(&f.root, "root", "", "the folder of all volumes")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *access)
	if err != nil {
		klog.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		klog.Fatal(err)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	controller.NewProvisionController(ctx, client, *name, f, controller.LeaderElection(false)).Run(ctx)
}
