package httpapi

import (
	"net/http"
	"strings"

	"salvor.io/salvor/shared/salvor"
)

// etag is the strong validator of a resource version.
func etag(version string) string { return `"` + version + `"` }

// matches reports whether a list of validators, or *, names the version.
func matches(list, version string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == "*" || one == etag(version) {
			return true
		}
	}
	return false
}

// ifMatch returns the version that the request insists on, "" for any. Invalid: it names several.
func ifMatch(r *http.Request) (string, error) {
	tag := strings.TrimSpace(r.Header.Get("If-Match"))
	if tag == "" || tag == "*" {
		return "", nil
	}
	version, ok := strings.CutPrefix(tag, `"`)
	version, ok2 := strings.CutSuffix(version, `"`)
	if !ok || !ok2 || version == "" || strings.Contains(version, `"`) {
		return "", salvor.Errorf(salvor.Invalid, "If-Match: %s is not one ETag", tag).WithHint("send back the ETag of the answer that you read")
	}
	return version, nil
}

// stale turns a Conflict of a conditional write into what HTTP calls it.
func stale(err error) error {
	if salvor.Is(err, salvor.Conflict) {
		return withStatus(http.StatusPreconditionFailed, salvor.Errorf(salvor.Conflict, "it was changed meanwhile").WithHint("read it again, and send its new ETag"))
	}
	return err
}
