// Package awslocal is the little of AWS that a sign-in to an EKS cluster takes: STS, and the questions of EKS.
//
// Every request is signed, and its signature checked with AWS's own signer, for header-signed and presigned requests of
// users and of assumed roles. Trust policies, external ids and permission policies are judged as IAM does, as far as
// the documents here need it. Accounts and regions are kept apart: a cluster is looked up in the caller's account and
// in the region that the request is signed for.
package awslocal

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// Accounts are all users, roles and clusters, as a file holds them. It is read for each request, so that what a test
// writes counts at once.
type Accounts struct {
	Users    []User    `json:"users"`
	Roles    []Role    `json:"roles"`
	Clusters []Cluster `json:"clusters"`
}

// User signs in with a key of its own. It may do everything in its account.
type User struct {
	ARN       string `json:"arn"`
	AccessKey string `json:"accessKey"`
	SecretKey string `json:"secretKey"`
}

// Role is assumed by whom its trust policy names, and may do what its permissions allow.
type Role struct {
	ARN         string   `json:"arn"`
	Trust       Policy   `json:"trust"`
	Permissions []Policy `json:"permissions"`
}

// Cluster is what EKS answers for one.
type Cluster struct {
	ARN      string `json:"arn"`
	Endpoint string `json:"endpoint"`
	// CA is PEM.
	CA      string `json:"ca"`
	Version string `json:"version"`
	// Status is ACTIVE unless said otherwise.
	Status  string `json:"status,omitempty"`
	Private bool   `json:"private,omitempty"`
}

// Load reads the file.
func Load(path string) (*Accounts, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the accounts: %w", err)
	}
	var a Accounts
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, fmt.Errorf("reading the accounts: %w", err)
	}
	return &a, nil
}

// Save writes the file, readable by its owner only. It replaces the old one at once.
func (a *Accounts) Save(path string) error {
	raw, err := json.MarshalIndent(a, "", "  ")
	if err == nil {
		err = os.WriteFile(path+".new", raw, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("writing the accounts: %w", err)
	}
	return nil
}

func (a *Accounts) role(roleARN string) *Role {
	for i := range a.Roles {
		if a.Roles[i].ARN == roleARN {
			return &a.Roles[i]
		}
	}
	return nil
}

// clusters returns those of an account in a region.
func (a *Accounts) clusters(account, region string) []Cluster {
	var found []Cluster
	for _, c := range a.Clusters {
		if p, err := arn.Parse(c.ARN); err == nil && p.AccountID == account && p.Region == region {
			found = append(found, c)
		}
	}
	return found
}

func (c Cluster) name() string {
	_, name, _ := strings.Cut(c.ARN, ":cluster/")
	return name
}

func accountOf(s string) string {
	p, err := arn.Parse(s)
	if err != nil {
		return ""
	}
	return p.AccountID
}
