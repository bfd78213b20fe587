package eks_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"salvor.io/salvor/tests/testenv"
)

// A user's whole way: add a cluster by its ARN, run what is printed, see each step turn right, back up and restore. The
// role is made by the template with the printed parameters, and may do no more than that says.
func TestFromAnARNToABackup(t *testing.T) {
	k := testenv.EKS(t)
	p, role := newProgram(t, k), roleARN()
	added := p.run(5, "cluster", "add", "prod", "--arn", k.AWS.ClusterARN, "--role-arn", role)
	says(t, added, "cluster/prod created", "✓ AWS credentials", k.AWS.UserARN, "✗ assume the role", "with the external id of the Cluster", "kubectl apply -f infra/kubernetes/rbac.yaml")
	given := parameters(t, added)

	// Adding it again keeps the external id: the role asks for it.
	if again := parameters(t, p.run(5, "cluster", "add", "prod", "--arn", k.AWS.ClusterARN, "--role-arn", role)); again["ExternalId"] != given["ExternalId"] {
		t.Errorf("the external id became another")
	}

	given["AccessEntry"] = "no"
	if made := deploy(t, k, given); made != role {
		t.Fatalf("the template makes %s, and %s is assumed", made, role)
	}
	says(t, p.run(5, "cluster", "check", "prod"), "✓ assume the role", "✓ find the cluster", "✓ reach the API server",
		"✗ sign in", "does not know arn:aws:sts::444455556666:assumed-role/", "--principal-arn "+role)

	given["AccessEntry"] = "yes"
	deploy(t, k, given)
	said := ""
	eventually(t, "the access entry", func() bool {
		said = p.run(5, "cluster", "check", "prod")
		return strings.Contains(said, "✓ sign in")
	})
	says(t, said, "in the groups salvor-backup", "✗ list every kind", "it may not list ", "✗ run rules in pods", "kubectl apply -f infra/kubernetes/rbac.yaml, which grants it to the group salvor-backup")

	applyRights(t, k)
	ready := p.run(0, "cluster", "check", "prod")
	says(t, ready, "✓ list every kind", "✓ tell this cluster from others", "✓ run rules in pods")
	if strings.Contains(ready, "✗") {
		t.Errorf("it is ready and is not:\n%s", ready)
	}

	ns := fill(t, k, 20)
	p.run(0, "location", "add", "disk", "--dir", filepath.Join(p.dir, "backups"))
	says(t, p.run(0, "backup", "create", "b1", "-n", ns), "backup/prod/b1 Completed")

	// Restoring is another level.
	var report struct {
		OK       bool
		Findings []struct {
			Check   string
			OK      bool
			Missing []string
			Remedy  string
		}
	}
	if err := json.Unmarshal([]byte(firstJSON(p.run(5, "cluster", "check", "prod", "--level", "restore", "-o", "json"))), &report); err != nil {
		t.Fatal(err)
	}
	missing := 0
	for _, f := range report.Findings {
		if !f.OK {
			missing++
			if len(f.Missing) == 0 || !strings.Contains(f.Remedy, "aws eks update-access-entry") {
				t.Errorf("%s: missing %v, remedy %q", f.Check, f.Missing, f.Remedy)
			}
		}
	}
	if report.OK || missing != 5 {
		t.Errorf("%d rights are missing, want those to get, create, update and patch, and those on roles", missing)
	}
	given["Level"] = "restore"
	deploy(t, k, given)
	eventually(t, "the new groups", func() bool {
		said = p.output("cluster", "check", "prod", "--level", "restore")
		return !strings.Contains(said, "✗")
	})
	says(t, p.run(0, "restore", "b1", "--yes", "--map", ns+"="+ns+"-copy"), "Completed")
}

// firstJSON cuts what standard error added behind.
func firstJSON(s string) string {
	i := strings.LastIndex(s, "}\n")
	return s[:i+1]
}

// All pages of all regions are listed, with the names under which they are added.
func TestDiscover(t *testing.T) {
	k := testenv.EKS(t)
	var many []testenv.AWSCluster
	for range 120 {
		many = append(many, testenv.AWSCluster{ARN: "arn:aws:eks:ap-south-1:111122223333:cluster/c-" + testenv.Unique(), Endpoint: "https://127.0.0.1:1", Version: "1.35"})
	}
	odd := testenv.AWSCluster{ARN: "arn:aws:eks:us-east-1:111122223333:cluster/odd", Version: "1.36", Status: "CREATING", Private: true}
	k.AWS.AddClusters(t, append(many, odd)...)
	p := newProgram(t, k)
	p.run(0, "cluster", "add", "known", "--arn", many[7].ARN, "--no-check")
	var found struct {
		Items []struct{ ARN, Added, Status, Region string }
	}
	if err := json.Unmarshal([]byte(p.run(0, "cluster", "discover", "--region", "ap-south-1,us-east-1", "-o", "json")), &found); err != nil {
		t.Fatal(err)
	}
	if len(found.Items) != 121 {
		t.Fatalf("%d clusters are found, want 121", len(found.Items))
	}
	for _, c := range found.Items {
		if want := map[string]string{many[7].ARN: "known"}[c.ARN]; c.Added != want {
			t.Errorf("%s is added as %q, want %q", c.ARN, c.Added, want)
		}
	}
	says(t, p.run(0, "cluster", "discover"), "odd    us-east-1   1.36         CREATING   private    -")
	says(t, p.run(0, "cluster", "discover", "--region", "eu-west-3"), "no EKS cluster there")
}
