package location

import (
	"context"
	"io"
	"iter"
	"strings"
)

// Prefixed returns the part of loc below prefix, such as "team-a/prod", as a
// location of its own. An empty prefix returns loc.
func Prefixed(loc Location, prefix string) Location {
	prefix = strings.Trim(prefix, "/")
	if prefix == "" {
		return loc
	}
	return &prefixed{loc: loc, dir: prefix + "/"}
}

type prefixed struct {
	loc Location
	dir string // ends with a slash
}

var _ Location = (*prefixed)(nil)

func (p *prefixed) Put(ctx context.Context, key string, body Body) (Info, error) {
	info, err := p.loc.Put(ctx, p.dir+key, body)
	return p.strip(info), err
}

func (p *prefixed) Get(ctx context.Context, key string) (io.ReadCloser, Info, error) {
	r, info, err := p.loc.Get(ctx, p.dir+key)
	return r, p.strip(info), err
}

func (p *prefixed) GetRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	return p.loc.GetRange(ctx, p.dir+key, offset, length)
}

func (p *prefixed) Stat(ctx context.Context, key string) (Info, error) {
	info, err := p.loc.Stat(ctx, p.dir+key)
	return p.strip(info), err
}

func (p *prefixed) List(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	if after != "" {
		after = p.dir + after
	}
	return func(yield func(Info, error) bool) {
		for info, err := range p.loc.List(ctx, p.dir+prefix, after) {
			if !yield(p.strip(info), err) {
				return
			}
		}
	}
}

func (p *prefixed) Dirs(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return p.loc.Dirs(ctx, p.dir+prefix)
}

func (p *prefixed) Delete(ctx context.Context, key string) error {
	return p.loc.Delete(ctx, p.dir+key)
}

func (p *prefixed) String() string {
	return strings.TrimSuffix(p.loc.String(), "/") + "/" + strings.TrimSuffix(p.dir, "/")
}

func (p *prefixed) strip(info Info) Info {
	info.Key = strings.TrimPrefix(info.Key, p.dir)
	return info
}

// Locks is that of the location.
func (p *prefixed) Locks() bool { return Locks(p.loc) }

// Extend is that of the location.
func (p *prefixed) Extend(ctx context.Context, key string) (Info, error) {
	info, err := Extend(ctx, p.loc, p.dir+key)
	return p.strip(info), err
}

// Hide is that of the location.
func (p *prefixed) Hide(ctx context.Context, key string) error { return Hide(ctx, p.loc, p.dir+key) }

// GetVersion is that of the location.
func (p *prefixed) GetVersion(ctx context.Context, key, version string) (io.ReadCloser, Info, error) {
	r, info, err := GetVersion(ctx, p.loc, p.dir+key, version)
	return r, p.strip(info), err
}
