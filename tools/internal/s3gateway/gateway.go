// Package s3gateway starts a throw-away S3 server: versitygw on a directory.
//
// It checks signatures and checksums, and knows conditional writes, versions
// and Object Lock. Its keys are made up anew each time.
package s3gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"salvor.io/salvor/tools/internal/child"
	"salvor.io/salvor/tools/internal/port"
)

// Region is the only one there is.
const Region = "us-east-1"

// startLimit is long beside the 0.2 s that it takes.
const startLimit = 30 * time.Second

// Options say what is in the server at first.
type Options struct {
	// Buckets are made before anybody sees the server; there is at least one.
	Buckets []string `json:"buckets"`
	// ObjectLock makes the buckets capable of Object Lock, and so versioned.
	ObjectLock bool `json:"objectLock,omitempty"`
}

// Result is what `up` prints. It holds the only copy of the keys.
type Result struct {
	Name      string `json:"name"`
	Dir       string `json:"dir"`
	Endpoint  string `json:"endpoint"`
	AccessKey string `json:"accessKey"`
	SecretKey string `json:"secretKey"`
	Region    string `json:"region"`
	// Bucket is the first of the buckets.
	Bucket string `json:"bucket"`
}

// Gateway is one S3 server.
type Gateway struct {
	Name string
	Dir  string
	// Bin is the directory of the programs.
	Bin     string
	Options Options
}

// Start brings the server up. See guard.Server.
func (g *Gateway) Start(ctx context.Context, group *child.Group, step func(string)) (any, error) {
	if len(g.Options.Buckets) == 0 {
		return nil, errors.New("no bucket named")
	}
	free, err := port.Free(1)
	if err != nil {
		return nil, err
	}
	up := Result{
		Name: g.Name, Dir: g.Dir, Region: Region, Bucket: g.Options.Buckets[0],
		Endpoint:  fmt.Sprintf("http://127.0.0.1:%d", free[0]), // an address, not a name: the SDKs then use path style
		AccessKey: "AK" + rand.Text()[:18], SecretKey: rand.Text() + rand.Text(),
	}
	args, err := g.args(free[0])
	if err != nil {
		return nil, err
	}
	keys := []string{"ROOT_ACCESS_KEY=" + up.AccessKey, "ROOT_SECRET_KEY=" + up.SecretKey}
	if err := group.Start("versitygw", keys, filepath.Join(g.Bin, "versitygw"), args...); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeoutCause(ctx, startLimit, errors.New("no answer after 30 s"))
	defer cancel()
	if err := makeBuckets(limited, up, g.Options); err != nil {
		return nil, err
	}
	step("S3 server ready at " + up.Endpoint + ", bucket " + strings.Join(g.Options.Buckets, ", "))
	return up, nil
}

// args makes the directories and returns the arguments that name them.
func (g *Gateway) args(port int) ([]string, error) {
	dirs := map[string]string{}
	for _, d := range []string{"objects", "versions", "sidecar"} {
		dirs[d] = filepath.Join(g.Dir, d)
		if err := os.MkdirAll(dirs[d], 0o700); err != nil {
			return nil, fmt.Errorf("making the server's directory: %w", err)
		}
	}
	args := []string{"--quiet", "--region", Region, "--port", fmt.Sprintf("127.0.0.1:%d", port),
		"posix", "--versioning-dir", dirs["versions"]}
	// What S3 knows of an object is kept beside it in extended attributes, or
	// in files where the file system has none.
	if unix.Setxattr(dirs["objects"], "user.salvor", []byte("probe"), 0) != nil {
		args = append(args, "--sidecar", dirs["sidecar"])
	}
	return append(args, dirs["objects"]), nil
}

// Clean has nothing to do. See guard.Server.
func (g *Gateway) Clean() error { return nil }
