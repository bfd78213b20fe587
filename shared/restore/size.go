package restore

import (
	"fmt"

	"salvor.io/salvor/shared/transform"
)

// maxBody is how many bytes an API server takes in one request. A larger one it may answer by closing the connection.
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/staging/src/k8s.io/apiserver/pkg/server/config.go, MaxRequestBodyBytes
const maxBody = 3 << 20

// fitting returns the body in a form that an API server takes.
func fitting(body []byte) ([]byte, error) {
	if len(body) <= maxBody {
		return body, nil
	}
	if body = transform.Shorten(body); len(body) > maxBody {
		return nil, fmt.Errorf("as JSON it has %d bytes, and an API server takes %d at most", len(body), maxBody)
	}
	return body, nil
}
