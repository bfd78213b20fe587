// Package docs_test holds the documents to the truth: the shell lines of docs/format.md restore a real backup, the
// tables are those of the code, examples are accepted, links lead somewhere, and infra/kubernetes/rbac.yaml grants what
// its comments say.
package docs_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated parts of the documents anew")

// root of the repository, from this folder.
const root = "../.."

// pages are the documents, by their path from the root.
func pages(t testing.TB) map[string]string {
	t.Helper()
	pages := map[string]string{"README.md": read(t, "README.md")}
	for _, pattern := range []string{"docs/*.md", "docs/*/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			pages[filepath.ToSlash(name)] = read(t, name)
		}
	}
	if len(pages) < 6 {
		t.Fatalf("only %d documents were found", len(pages))
	}
	return pages
}

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// block is a fenced code block; info is what stands behind the fence, such as "sh run".
type block struct{ info, text string }

var fence = regexp.MustCompile("(?ms)^```([a-z][^\n]*)\n(.*?)^```$")

func blocks(page string) []block {
	var list []block
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		list = append(list, block{strings.TrimSpace(m[1]), m[2]})
	}
	return list
}

// script joins the blocks of a page that are marked with any of the infos.
func script(t testing.TB, page string, infos ...string) string {
	t.Helper()
	var text strings.Builder
	for _, b := range blocks(page) {
		for _, info := range infos {
			if b.info == info {
				text.WriteString(b.text + "\n")
			}
		}
	}
	if text.Len() == 0 {
		t.Fatalf("the page has no block marked %q", infos)
	}
	return text.String()
}
