"""A node that runs: kubelet, containerd, runc and a bridge as processes of this machine, on request and as root."""
