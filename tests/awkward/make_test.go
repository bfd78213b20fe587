package awkward_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// build makes all objects and waits until the controllers have done with them.
func (s *site) build() {
	s.Helper()
	s.kubectl("create", "--validate=false", "-f", "tests/awkward/objects/0-cluster.yaml")
	for _, name := range all.Global[definitions.String()] {
		s.await(name+" is served", func() bool {
			return strings.Contains(string(s.object(definitions, "", name)), `"type":"Established"`)
		})
	}
	for _, ns := range all.Namespaces {
		s.await("the account of "+ns+" is there", func() bool {
			return s.object(accounts, ns, "default") != nil && s.object(configMaps, ns, "kube-root-ca.crt") != nil
		})
	}
	s.kubectl("create", "--validate=false", "-f", "tests/awkward/objects/1-data.yaml", "-f", "tests/awkward/objects/2-network.yaml", "-f", "tests/awkward/objects/3-workloads.yaml",
		"-f", "tests/awkward/objects/4-custom.yaml", "-f", "tests/awkward/objects/5-full.yaml")
	s.large()
	s.longest()
	s.families()
	s.jobs()
	s.merge(accounts, "awkward", "default", `{"metadata":{"annotations":{"eks.amazonaws.com/role-arn":"arn:aws:iam::111122223333:role/default"}}}`)
	s.settle()
	s.kubectl("create", "--validate=false", "-f", "tests/awkward/objects/6-quota.yaml", "-f", "tests/awkward/objects/7-admission.yaml")
	s.await("the quota is counted", func() bool { return text(s.object(quotas, "full", "quota"), "status", "used", "configmaps") == "2" })
}

// large makes objects as large as an API server takes them.
func (s *site) large() {
	s.Helper()
	random := make([]byte, 1<<20) // https://kubernetes.io/docs/concepts/configuration/secret/: 1 MiB at most
	if _, err := rand.Read(random); err != nil {
		s.Fatal(err)
	}
	s.create(secrets, "awkward", `"name":"mebibyte"`, `"data":{"bytes":"`+base64.StdEncoding.EncodeToString(random)+`"}`)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	s.create(configMaps, "awkward", `"name":"binary"`, `"binaryData":{"every-byte":"`+base64.StdEncoding.EncodeToString(every)+`","broken-utf8":"/8CA7aCA"},"data":{"text":"`+"\u2028 \u00e4 e\u0301 \U0001f9a6 \\u0001"+`"}`)
	// What an API server returns of this has six times as many bytes: it writes each of them as \u003c.
	s.create(configMaps, "awkward", `"name":"markup"`, `"data":{"page.html":"`+strings.Repeat("<&>", 300<<10)+`"}`)
}

// longest makes objects with the longest names, labels and annotations.
func (s *site) longest() {
	s.Helper()
	long := func(n int) string { return strings.Repeat("n", n) }
	dotted := strings.Join([]string{long(63), long(63), long(63), long(61)}, ".") // 253 letters
	labels, err := json.Marshal(map[string]string{dotted + "/" + long(63): long(63), "a": "", "A.b_c-d": "0"})
	if err != nil {
		s.Fatal(err)
	}
	// All keys and values together: 256 KiB at most.
	annotations, err := json.Marshal(strings.Repeat("ä<\n", 1<<16-100))
	if err != nil {
		s.Fatal(err)
	}
	s.create(configMaps, "awkward", fmt.Sprintf(`"name":%q,"labels":%s,"annotations":{"example.com/large":%s,"unicode":"\u2028\u0001🦦"}`, dotted, labels, annotations), `"data":{"`+long(253)+`":"v"}`)
	s.create(secrets, "awkward", fmt.Sprintf(`"name":%q,"labels":%s`, dotted, labels), `"data":{"`+long(253)+`":""}`)
	s.create(accounts, "awkward", fmt.Sprintf(`"name":%q`, dotted), "")
	s.create(services, "awkward", fmt.Sprintf(`"name":%q`, long(63)), `"spec":{"clusterIP":"None","ports":[{"name":"`+long(15)+`","port":1}]}`)
	s.create(gadgets, "awkward", fmt.Sprintf(`"name":%q`, dotted), `"spec":{"port":1}`)
}

// families makes owners: of another kind, without namespace, of a namespace, and of what comes back before them.
func (s *site) families() {
	s.Helper()
	s.create(configMaps, "awkward", `"name":"of-gadget"`, `"immutable":true`)
	s.own(gadgets, "awkward", "first", configMaps, "awkward", "of-gadget")
	s.create(secrets, "awkward", `"name":"of-banner"`, `"immutable":true,"data":{"a":"AA=="}`)
	s.own(banners, "", "tenant", secrets, "awkward", "of-banner")
	s.own(banners, "", "tenant", namespaces, "", "owned")
	s.own(banners, "", "tenant", roles, "", "awkward:part")
	s.own(deployments, "awkward", "web", gadgets, "awkward", "second")
	s.own(gadgets, "awkward", "second", configMaps, "awkward", "contended")
	s.own(configMaps, "awkward", "contended", relics, "awkward", "old")
	s.own(cronJobs, "awkward", "nightly", configMaps, "awkward", "finalized")
}

// jobs makes two Jobs as the CronJob would: one runs, one has failed.
func (s *site) jobs() {
	s.Helper()
	uid := text(s.object(cronJobs, "awkward", "nightly"), "metadata", "uid")
	for _, name := range []string{"nightly-runs", "nightly-failed"} {
		s.create(jobs, "awkward", fmt.Sprintf(`"name":%q,"ownerReferences":[{"apiVersion":"batch/v1","kind":"CronJob","name":"nightly","uid":%q,"controller":true,"blockOwnerDeletion":true}]`, name, uid),
			fmt.Sprintf(`"spec":{"suspend":%t,"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"example.com/c:1"}]}}}`, name == "nightly-failed"))
	}
	now := `"lastTransitionTime":"2026-11-22T02:00:00Z"`
	s.merge(jobs, "awkward", "nightly-failed", `{"status":{"startTime":"2026-11-22T02:00:00Z","conditions":[{"type":"FailureTarget","status":"True",`+now+`},{"type":"Failed","status":"True",`+now+`}]}}`, "status")
}

// settle waits for what controllers do with the objects.
func (s *site) settle() {
	s.Helper()
	s.await("the volume is bound", func() bool {
		return text(s.object(volumes, "", "awkward-static"), "status", "phase") == "Bound" && text(s.object(claims, "awkward", "static"), "status", "phase") == "Bound"
	})
	s.await("the roles are gathered", func() bool {
		return strings.Contains(string(s.object(roles, "", "awkward-all")), "awkward.example.com")
	})
	s.await("the claims of the StatefulSet are there", func() bool { return s.object(claims, "awkward", "log-stateful-5") != nil })
	s.await("the pod of the StatefulSet is there", func() bool { return s.object(pods, "awkward", "stateful-5") != nil })
	s.await("the token has its account", func() bool { return text(s.object(secrets, "awkward", "app-token"), "data", "token") != "" })
}
