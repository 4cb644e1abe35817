// Command policies enforces NetworkPolicies on one node: kube-network-policies judges the first packet of each connection.
package main

import (
	"context"
	"flag"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

const queue = 100

func main() {
	access := flag.String("kubeconfig", "", "how to reach the API server")
	node := flag.String("node", "", "the name of this node")
	flag.Parse()
	if !queueExpression() {
		klog.Info("this kernel's nftables have no queue: packets are queued by a rule of iptables")
		if err := queueByIptables(); err != nil {
			klog.Fatal(err)
		}
	}
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
	all := informers.NewSharedInformerFactory(client, 0)
	judge, err := networkpolicy.NewController(
		client,
		all.Networking().V1().NetworkPolicies(),
		all.Core().V1().Namespaces(),
		all.Core().V1().Pods(),
		all.Core().V1().Nodes(),
		nil, nil, nil,
		networkpolicy.Config{QueueID: queue, NodeName: *node},
	)
	if err != nil {
		klog.Fatal(err)
	}
	all.Start(ctx.Done())
	if err := judge.Run(ctx); err != nil {
		klog.Fatal(err)
	}
}

// queueExpression tells whether the kernel takes the rule by which the library has packets queued.
func queueExpression() bool {
	trial, err := nftables.New()
	if err != nil {
		return false
	}
	table := trial.AddTable(&nftables.Table{Name: "storefleet-trial", Family: nftables.TableFamilyINet})
	chain := trial.AddChain(&nftables.Chain{Name: "trial", Table: table})
	trial.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.Queue{Num: queue}}})
	if trial.Flush() != nil {
		return false
	}
	trial.DelTable(table)
	return trial.Flush() == nil
}

// queueByIptables queues the first packet of what is forwarded, which is whatever a pod sends or gets, but the node's own.
// Without anybody who judges, such packets are dropped.
func queueByIptables() error {
	rule := strings.Fields("FORWARD -m conntrack --ctstate NEW -j NFQUEUE --queue-num " + strconv.Itoa(queue))
	for _, action := range []string{"-C", "-A"} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		command := exec.CommandContext(ctx, "iptables", append([]string{"-w", "-t", "mangle", action}, rule...)...)
		said, err := command.CombinedOutput()
		cancel()
		if err == nil {
			return nil
		}
		if action == "-A" {
			klog.Errorf("iptables: %s", said)
			return err
		}
	}
	return nil
}
