package pki_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"salvor.io/salvor/tools/internal/pki"
)

func parse(t *testing.T, raw []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(raw)
	if block == nil {
		t.Fatalf("not PEM: %q", raw)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestSavedAuthoritySignsWhatTheFirstOneTrusts(t *testing.T) {
	now := time.Now()
	ca, err := pki.NewAuthority("test", now)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(t.TempDir(), "ca.crt"), filepath.Join(t.TempDir(), "ca.key")
	if err := ca.Save(certFile, keyFile); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(keyFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: mode %v, error %v, want 0600", info.Mode(), err)
	}
	loaded, err := pki.Load(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	id, err := loaded.Issue(pki.Request{Name: "bob", Groups: []string{"dev", "ops"}, Hosts: []string{"127.0.0.1", "example"}}, now)
	if err != nil {
		t.Fatal(err)
	}
	cert := parse(t, id.CertPEM)
	roots := x509.NewCertPool()
	roots.AddCert(parse(t, ca.CertPEM))
	for _, name := range []string{"127.0.0.1", "example"} {
		opts := x509.VerifyOptions{Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, CurrentTime: now}
		if _, err := cert.Verify(opts); err != nil {
			t.Errorf("verifying for %s: %v", name, err)
		}
	}
	if diff := cmp.Diff([]string{"bob", "dev", "ops"}, append([]string{cert.Subject.CommonName}, cert.Subject.Organization...)); diff != "" {
		t.Error(diff)
	}
}

func TestAnotherAuthorityIsNotTrusted(t *testing.T) {
	now := time.Now()
	ours, err := pki.NewAuthority("ours", now)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := pki.NewAuthority("ours", now)
	if err != nil {
		t.Fatal(err)
	}
	id, err := theirs.Issue(pki.Request{Name: "mallory"}, now)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parse(t, ours.CertPEM))
	if _, err := parse(t, id.CertPEM).Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err == nil {
		t.Error("an authority of the same name was trusted")
	}
}
