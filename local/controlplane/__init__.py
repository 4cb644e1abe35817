"""The embedded control plane: etcd, the Kubernetes control plane and kwok as processes of this machine."""
