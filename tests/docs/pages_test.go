package docs_test

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"salvor.io/salvor/shared/salvor"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
	fenced   = regexp.MustCompile("(?ms)^```.*?^```$")
)

// anchors are the fragments by which GitHub reaches the headings of a page.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		text := strings.ToLower(h[1])
		text = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`).ReplaceAllString(text, "")
		found[strings.ReplaceAll(strings.TrimSpace(text), " ", "-")] = true
	}
	return found
}

func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	for name, text := range all {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			target := m[1] + m[2]
			if strings.Contains(target, "://") {
				continue
			}
			file, fragment, _ := strings.Cut(target, "#")
			to := name
			if file != "" {
				to = path.Join(path.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s points to %s, which is not there", name, target)
				continue
			}
			if fragment != "" && !anchors(all[to])[fragment] {
				t.Errorf("%s points to %s, and there is no such heading", name, target)
			}
		}
	}
}

// Every example of a Salvor object is accepted as it stands.
func TestExamplesAreValid(t *testing.T) {
	found := 0
	for name, text := range pages(t) {
		for _, b := range blocks(text) {
			if b.info != "yaml" || !strings.Contains(b.text, salvor.APIVersion) {
				continue
			}
			found++
			if _, err := salvor.Load([]byte(b.text), name); err != nil {
				t.Errorf("an example is refused: %v\n%s", err, b.text)
			}
		}
	}
	if found < 3 {
		t.Errorf("only %d examples were found", found)
	}
}

// Tests that a page cites as proof exist.
func TestCitedTestsExist(t *testing.T) {
	var sources bytes.Buffer
	for _, folder := range []string{"shared", "tests", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(name string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, "_test.go") {
				return err
			}
			data, err := os.ReadFile(name)
			sources.Write(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	cited := 0
	for name, text := range pages(t) {
		for _, m := range testName.FindAllStringSubmatch(text, -1) {
			cited++
			if !bytes.Contains(sources.Bytes(), []byte("func "+m[1]+"(")) {
				t.Errorf("%s cites %s, and there is no such test", name, m[1])
			}
		}
	}
	if cited < 10 {
		t.Errorf("only %d tests are cited", cited)
	}
}
