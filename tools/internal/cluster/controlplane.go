package cluster

import "fmt"

// ports are those of the control plane, all on 127.0.0.1.
type ports struct{ etcd, etcdPeer, apiserver, kubelet int }

func url(port int) string { return fmt.Sprintf("https://127.0.0.1:%d", port) }

// etcdArgs: other users of the machine can't read it, as it asks for a client
// certificate. What it holds is thrown away, so nothing is synced to the disk.
func etcdArgs(l layout, p ports) []string {
	return []string{
		"--name=default",
		"--data-dir=" + l.etcd(),
		"--listen-client-urls=" + url(p.etcd),
		"--advertise-client-urls=" + url(p.etcd),
		"--listen-peer-urls=" + url(p.etcdPeer),
		"--initial-advertise-peer-urls=" + url(p.etcdPeer),
		"--initial-cluster=default=" + url(p.etcdPeer),
		"--cert-file=" + l.cert("etcd"), "--key-file=" + l.key("etcd"),
		"--client-cert-auth", "--trusted-ca-file=" + l.cert("ca"),
		"--peer-cert-file=" + l.cert("etcd"), "--peer-key-file=" + l.key("etcd"),
		"--peer-client-cert-auth", "--peer-trusted-ca-file=" + l.cert("ca"),
		"--unsafe-no-fsync",
		"--quota-backend-bytes=8589934592", // 8 GiB: room for a benchmark's objects
		"--log-level=warn",
	}
}

// apiserverArgs; extra comes last and so has the last word.
func apiserverArgs(l layout, p ports, extra []string) []string {
	args := []string{
		"--etcd-servers=" + url(p.etcd),
		"--etcd-cafile=" + l.cert("ca"), "--etcd-certfile=" + l.cert("etcd"), "--etcd-keyfile=" + l.key("etcd"),
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", p.apiserver),
		"--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--tls-cert-file=" + l.cert("apiserver"), "--tls-private-key-file=" + l.key("apiserver"),
		"--client-ca-file=" + l.cert("ca"),
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--allow-privileged",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + l.key("service-account"),
		"--service-account-signing-key-file=" + l.key("service-account"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--kubelet-certificate-authority=" + l.cert("ca"),
		"--kubelet-client-certificate=" + l.cert("kubelet-client"), "--kubelet-client-key=" + l.key("kubelet-client"),
		"--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + l.cert("front-proxy-ca"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + l.cert("front-proxy"), "--proxy-client-key-file=" + l.key("front-proxy"),
		// Without kube-proxy a service address leads nowhere; its endpoints do.
		"--enable-aggregator-routing=true",
	}
	return append(args, extra...)
}

// The client limits let the default ServiceAccount appear after 0.8 s; with the
// defaults of 20 and 30 it takes 5.5 s.
const (
	clientQPS   = "--kube-api-qps=500"
	clientBurst = "--kube-api-burst=1000"
)

func controllerManagerArgs(l layout) []string {
	return []string{
		"--kubeconfig=" + l.config(adminUser),
		"--secure-port=0", "--leader-elect=false",
		"--root-ca-file=" + l.cert("ca"),
		"--service-account-private-key-file=" + l.key("service-account"),
		"--cluster-signing-cert-file=" + l.cert("ca"), "--cluster-signing-key-file=" + l.key("ca"),
		clientQPS, clientBurst,
	}
}

func schedulerArgs(l layout) []string {
	return []string{
		"--kubeconfig=" + l.config(adminUser),
		"--secure-port=0", "--leader-elect=false",
		clientQPS, clientBurst,
	}
}
