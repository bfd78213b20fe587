package tests_test

import (
	"slices"
	"strings"
	"testing"
)

// layer is a floor of the house. A package imports from its own floor and from those it names.
type layer struct {
	name string
	// holds lists folders; one that ends in /... holds all below it, and the longest match counts.
	holds []string
	// below lists the layers it may import from.
	below []string
	// pure: reads no file, no network, no environment.
	pure bool
}

var layers = []*layer{
	{name: "words", pure: true, holds: []string{"shared/salvor", "shared/cluster", "shared/rawjson"}},
	{name: "pure", pure: true, below: []string{"words"},
		holds: []string{"shared/archive", "shared/selection", "shared/closure", "shared/schedule", "shared/retention", "shared/transform", "shared/dates", "shared/schema", "shared/stork"}},
	{name: "interface", pure: true, below: []string{"words", "pure"}, holds: []string{"shared/catalog", "shared/location"}},
	{name: "repository", pure: true, below: []string{"words", "pure", "interface"}, holds: []string{"shared/repository"}},
	{name: "adapter", below: []string{"words", "pure", "interface"},
		holds: []string{"shared/catalog/...", "shared/location/...", "shared/cluster/..."}},
	{name: "engine", below: []string{"words", "pure", "interface", "repository"},
		holds: []string{"shared/rule/...", "shared/backup/...", "shared/restore/...", "shared/volume/...", "shared/expire/...", "shared/lookup", "shared/rebuild"}},
	{name: "delivery", below: []string{"words", "pure", "interface", "repository", "engine"}, holds: []string{"shared/httpapi/..."}},
	{name: "root", below: []string{"words", "pure", "interface", "repository", "adapter", "engine", "delivery"},
		holds: []string{"cmd/...", "functions/...", "tests/...", "bench/..."}},
}

// place is where a package lives.
type place struct {
	layer *layer
	// family is the interface that an adapter belongs to: adapters of one may share code.
	family string
}

func placeOf(folder string) place {
	var found place
	longest := -1
	for _, l := range layers {
		for _, h := range l.holds {
			top, below := strings.CutSuffix(h, "/...")
			if folder == top || below && strings.HasPrefix(folder, top+"/") {
				// A folder by its own name goes before one that is among all below another.
				if n := 2*len(top) + map[bool]int{true: 0, false: 1}[below]; n > longest {
					longest, found = n, place{l, top}
				}
			}
		}
	}
	return found
}

// vendorRule says where a library may be imported.
type vendorRule struct {
	prefixes []string
	allowed  func(folder string) bool
	advice   string
}

var vendorRules = []vendorRule{
	{[]string{"github.com/aws/"}, func(folder string) bool {
		return isRoot(folder) || below(folder, "shared/catalog/dynamo", "shared/location/s3", "shared/cluster/eks")
	}, "the AWS SDK stays in dynamo/, s3/ and eks/ and in roots; declare a small interface here and let a root put the SDK behind it"},
	{[]string{"k8s.io/client-go/", "k8s.io/api/", "k8s.io/kubectl/", "k8s.io/cli-runtime/"}, func(folder string) bool {
		return isRoot(folder) && !below(folder, "functions") || strings.HasPrefix(folder, "shared/cluster/")
	}, "client-go stays below shared/cluster/; use the interfaces of shared/cluster, or add there what is missing"},
	{[]string{"modernc.org/sqlite"}, func(folder string) bool {
		return below(folder, "shared/catalog/sqlite")
	}, "SQLite stays in shared/catalog/sqlite; use the interface of shared/catalog"},
}

// wordsMayImport is all that shared/salvor takes from outside of the standard library.
var wordsMayImport = []string{"k8s.io/apimachinery/", "sigs.k8s.io/json", "sigs.k8s.io/yaml", "go.yaml.in/yaml/v3"}

// impure are packages of the standard library that reach out of the process. net/url and net/netip only parse.
var impure = []string{"os", "net", "net/http", "net/rpc", "net/smtp", "syscall", "plugin", "database/sql", "io/ioutil", "log", "log/slog", "log/syslog"}

func isRoot(folder string) bool { return below(folder, "cmd", "functions", "tests", "bench") }

// below tells whether the folder is one of the tops or below one.
func below(folder string, tops ...string) bool {
	return slices.ContainsFunc(tops, func(top string) bool { return folder == top || strings.HasPrefix(folder, top+"/") })
}

// refuseImport says why a package may not import another and what to do instead, or "" when it may.
func refuseImport(from, to string) string {
	p := placeOf(from)
	if own, ok := strings.CutPrefix(to, module); ok {
		return refuseOwn(p, own)
	}
	if p.layer.pure && (slices.Contains(impure, to) || strings.HasPrefix(to, "os/")) {
		return "package " + from + " is pure; let its caller read files, the network or the environment, and take the result as an argument"
	}
	for _, r := range vendorRules {
		for _, prefix := range r.prefixes {
			if (strings.HasPrefix(to, prefix) || to+"/" == prefix) && !r.allowed(from) {
				return r.advice
			}
		}
	}
	if from == "shared/salvor" && strings.Contains(strings.Split(to, "/")[0], ".") &&
		!slices.ContainsFunc(wordsMayImport, func(prefix string) bool { return strings.HasPrefix(to, prefix) }) {
		return "shared/salvor imports apimachinery at most; do it in the package that needs the library"
	}
	return ""
}

func refuseOwn(from place, own string) string {
	to := placeOf(own)
	switch {
	case to.layer == nil:
		return own + " has no layer; give it one in tests/house_rules_test.go"
	case from.layer == to.layer && from.layer.name == "adapter" && from.family != to.family:
		return "an adapter knows no adapter of another interface; take what it needs as an argument"
	case from.layer == to.layer, slices.Contains(from.layer.below, to.layer.name):
		return ""
	case from.layer.name == "engine" && to.layer.name == "adapter":
		return "an engine knows no adapter; use the interface in the folder above it, and let a root bring the two together"
	case from.layer.name == "adapter" && to.layer.name == "engine":
		return "an adapter knows no engine; move what both need into a package below, or let a root bring the two together"
	}
	return "imports run downwards only, and " + to.layer.name + " is not below " + from.layer.name + "; declare an interface here, or move what is needed down"
}

// refuseDependency says why a package may not depend on another even by way of third ones.
func refuseDependency(from, to string) string {
	p := placeOf(from)
	if !p.layer.pure && p.layer.name != "engine" && p.layer.name != "delivery" {
		return ""
	}
	for _, r := range vendorRules {
		for _, prefix := range r.prefixes {
			if strings.HasPrefix(to, prefix) {
				return r.advice
			}
		}
	}
	return ""
}

// The rules above can fail: each of these is refused, and its like is not.
func TestImportRulesRefuse(t *testing.T) {
	const own = module
	for _, c := range []struct {
		from, to string
		want     string // a part of the reason; "" when it is allowed
	}{
		{"shared/salvor", "k8s.io/apimachinery/pkg/labels", ""},
		{"shared/salvor", "sigs.k8s.io/json", ""},
		{"shared/salvor", "net/url", ""},
		{"shared/salvor", "github.com/google/uuid", "apimachinery at most"},
		{"shared/salvor", "filippo.io/age", "apimachinery at most"},
		{"shared/salvor", "os", "is pure"},
		{"shared/salvor", own + "shared/schedule", "downwards only"},
		{"shared/archive", own + "shared/salvor", ""},
		{"shared/archive", "github.com/klauspost/compress/zstd", ""},
		{"shared/archive", "os", "is pure"},
		{"shared/archive", "os/exec", "is pure"},
		{"shared/selection", "net/http", "is pure"},
		{"shared/selection", "net/netip", ""},
		{"shared/retention", own + "shared/catalog", "downwards only"},
		{"shared/schedule", own + "shared/catalog/sqlite", "downwards only"},
		{"shared/transform", "k8s.io/client-go/rest", "client-go stays"},
		{"shared/dates", "github.com/aws/aws-sdk-go-v2/aws", "AWS SDK stays"},
		{"shared/catalog", own + "shared/catalog/dynamo", "downwards only"},
		{"shared/location", own + "shared/repository", "downwards only"},
		{"shared/repository", own + "shared/location", ""},
		{"shared/repository", own + "shared/location/s3", "downwards only"},
		{"shared/catalog/dynamo", "github.com/aws/aws-sdk-go-v2/service/dynamodb", ""},
		{"shared/catalog/dynamo", own + "shared/catalog", ""},
		{"shared/catalog/dynamo", own + "shared/backup", "an adapter knows no engine"},
		{"shared/catalog/dynamo", own + "shared/location/s3", "another interface"},
		{"shared/catalog/dynamo", own + "shared/catalog/sqlite", ""},
		{"shared/catalog/sqlite", "github.com/aws/aws-sdk-go-v2/aws", "AWS SDK stays"},
		{"shared/location/dir", "github.com/aws/smithy-go", "AWS SDK stays"},
		{"shared/location/s3", "github.com/aws/smithy-go/middleware", ""},
		{"shared/location/s3", own + "shared/httpapi", "downwards only"},
		{"shared/cluster", "k8s.io/client-go/rest", "client-go stays"},
		{"shared/cluster/kube", "k8s.io/client-go/rest", ""},
		{"shared/cluster/kube", own + "shared/cluster", ""},
		{"shared/cluster/eks", own + "shared/cluster/kube", ""},
		{"shared/cluster/eks", "github.com/aws/aws-sdk-go-v2/service/eks", ""},
		{"shared/cluster/kube", "github.com/aws/aws-sdk-go-v2/aws", "AWS SDK stays"},
		{"shared/backup", own + "shared/catalog", ""},
		{"shared/backup", own + "shared/repository", ""},
		{"shared/backup", own + "shared/catalog/sqlite", "an engine knows no adapter"},
		{"shared/restore", own + "shared/cluster/kube", "an engine knows no adapter"},
		{"shared/rule", own + "shared/location/dir", "an engine knows no adapter"},
		{"shared/volume/ebs", own + "shared/cluster/kube", "an engine knows no adapter"},
		{"shared/rule", "k8s.io/client-go/tools/remotecommand", "client-go stays"},
		{"shared/rule", own + "shared/httpapi", "downwards only"},
		{"shared/backup", own + "shared/unheard/of", "has no layer"},
		{"shared/backup", own + "cmd/salvor/internal/cli", "downwards only"},
		{"shared/httpapi", own + "shared/restore", ""},
		{"shared/httpapi", own + "shared/location/s3", "downwards only"},
		{"shared/httpapi", "modernc.org/sqlite", "SQLite stays"},
		{"functions/backup", own + "shared/catalog/dynamo", ""},
		{"functions/backup", "github.com/aws/aws-lambda-go/lambda", ""},
		{"functions/backup", "k8s.io/client-go/rest", "client-go stays"},
		{"cmd/salvor/internal/home", own + "shared/backup", ""},
		{"cmd/salvor/internal/home", "k8s.io/client-go/rest", ""},
		{"tests/throwaway", "k8s.io/client-go/rest", ""},
	} {
		got := refuseImport(c.from, c.to)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s importing %s is answered %q, want %q", c.from, c.to, got, c.want)
		}
	}
	for _, folder := range []string{"shared/util", "shared/catalogue", "internal/x", ""} {
		if p := placeOf(folder); p.layer != nil {
			t.Errorf("%q passes for a part of %s", folder, p.layer.name)
		}
	}
	for _, c := range []struct {
		from, to string
		refused  bool
	}{
		{"shared/archive", "k8s.io/client-go/rest", true}, {"shared/backup", "github.com/aws/smithy-go", true}, {"shared/httpapi", "modernc.org/sqlite", true},
		{"shared/archive", "net/http", false}, {"shared/catalog/dynamo", "github.com/aws/smithy-go", false}, {"cmd/salvor", "k8s.io/client-go/rest", false},
	} {
		if got := refuseDependency(c.from, c.to); (got != "") != c.refused {
			t.Errorf("%s depending on %s is answered %q", c.from, c.to, got)
		}
	}
}
