package cluster

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"salvor.io/salvor/tools/internal/awslocal"
	"salvor.io/salvor/tools/internal/child"
	"salvor.io/salvor/tools/internal/pki"
	"salvor.io/salvor/tools/internal/port"
)

// The user who calls is of another account and another region than the cluster: whoever works here works across both.
const (
	callerARN     = "arn:aws:iam::111122223333:user/salvor"
	callerRegion  = "us-east-1"
	clusterPrefix = "arn:aws:eks:eu-central-1:444455556666:cluster/"
)

// AWS is how to reach the cluster as one of EKS.
type AWS struct {
	// Endpoint of STS and EKS.
	Endpoint string `json:"endpoint"`
	// ClusterARN is that of the cluster.
	ClusterARN string `json:"clusterARN"`
	// The one user there is, who may assume what roles there will be.
	UserARN   string `json:"userARN"`
	AccessKey string `json:"accessKey"`
	SecretKey string `json:"secretKey"`
	Region    string `json:"region"`
	// Accounts is the file of users, roles and clusters, and Entries that of access entries, in the form of
	// aws-iam-authenticator's dynamic file. Both may be changed at any time.
	Accounts string `json:"accounts"`
	Entries  string `json:"entries"`
}

// iam returns a file of the IAM parts.
func (l layout) iam(name string) string { return filepath.Join(string(l), "iam", name) }

// startIAM starts AWS and the authenticator that asks it who signed a token. It returns the API server's arguments to
// use it, or none without IAM. The API server need not run yet, and its address is known.
func (r *run) startIAM(ctx context.Context) ([]string, error) {
	if !r.Options.IAM {
		return nil, nil
	}
	free, err := port.Free(2)
	if err != nil {
		return nil, err
	}
	r.aws = &AWS{
		Endpoint: fmt.Sprintf("http://127.0.0.1:%d", free[0]), ClusterARN: clusterPrefix + r.Name,
		UserARN: callerARN, AccessKey: "AKIA" + rand.Text()[:16], SecretKey: rand.Text() + rand.Text(), Region: callerRegion,
		Accounts: r.layout.iam("accounts.json"), Entries: r.layout.iam("entries.json"),
	}
	if err := r.writeIAM(free[1]); err != nil {
		return nil, err
	}
	args := []string{"--listen", r.aws.Endpoint[len("http://"):], "--accounts", r.aws.Accounts,
		"--ca-cert", r.layout.iam("ca.crt"), "--ca-key", r.layout.iam("ca.key")}
	if err := r.start("awslocal", args); err != nil {
		return nil, err
	}
	// The authenticator's call of STS goes to AWS here, by the proxy and the authority that any program heeds.
	env := []string{"HTTPS_PROXY=" + r.aws.Endpoint, "SSL_CERT_FILE=" + r.layout.iam("ca.crt"), "AWS_EC2_METADATA_DISABLED=true"}
	program := filepath.Join(r.Bin, "aws-iam-authenticator")
	if err := r.group.Start("aws-iam-authenticator", env, program, "server", "--config", r.layout.iam("authenticator.json")); err != nil {
		return nil, err
	}
	webhook := r.layout.iam("webhook.kubeconfig")
	err = child.Poll(ctx, "aws-iam-authenticator", func(context.Context) (bool, error) {
		_, err := os.Stat(webhook)
		return err == nil, err
	})
	r.step("AWS at " + r.aws.Endpoint + ", aws-iam-authenticator for " + r.aws.ClusterARN)
	return []string{"--authentication-token-webhook-config-file=" + webhook,
		"--authentication-token-webhook-cache-ttl=2s"}, err // a change of an access entry shows soon
}

// writeIAM makes the files that the two read.
func (r *run) writeIAM(authenticatorPort int) error {
	if err := os.MkdirAll(r.layout.iam(""), 0o700); err != nil {
		return fmt.Errorf("making the IAM directory: %w", err)
	}
	ca, err := pki.NewAuthority("salvor-awslocal", r.Now())
	if err != nil {
		return err
	}
	if err := ca.Save(r.layout.iam("ca.crt"), r.layout.iam("ca.key")); err != nil {
		return err
	}
	accounts := awslocal.Accounts{
		Users:    []awslocal.User{{ARN: r.aws.UserARN, AccessKey: r.aws.AccessKey, SecretKey: r.aws.SecretKey}},
		Roles:    []awslocal.Role{},
		Clusters: []awslocal.Cluster{{ARN: r.aws.ClusterARN, Endpoint: url(r.ports.apiserver), CA: string(r.certs.ca.CertPEM), Version: Version[1:5]}},
	}
	if err := accounts.Save(r.aws.Accounts); err != nil {
		return err
	}
	if err := writeJSON(r.aws.Entries, map[string]any{"LastUpdatedDateTime": "0", "mapRoles": []any{}, "mapUsers": []any{}}); err != nil {
		return err
	}
	return writeJSON(r.layout.iam("authenticator.json"), map[string]any{"clusterID": r.Name, "server": map[string]any{
		"address": "127.0.0.1", "hostname": "127.0.0.1", "port": authenticatorPort, "stateDir": r.layout.iam(""),
		"generateKubeconfig": r.layout.iam("webhook.kubeconfig"), "backendMode": []string{"DynamicFile"}, "dynamicfilepath": r.aws.Entries,
	}})
}

func writeJSON(path string, v any) error {
	raw, err := json.Marshal(v)
	if err == nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return nil
}
