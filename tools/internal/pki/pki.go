// Package pki makes the certificates of a throw-away cluster.
//
// An authority is a key pair that signs; an identity is what it signed: a
// certificate that serves for servers and clients alike, with its key.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// validity is longer than any test; the hour before covers clocks that differ.
const (
	validity = 365 * 24 * time.Hour
	backdate = time.Hour
)

// Authority signs identities.
type Authority struct {
	CertPEM []byte
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
}

// Identity is a certificate and its key, both PEM.
type Identity struct{ CertPEM, KeyPEM []byte }

// Request says who an identity is for: the user name or host name, the groups
// it is in, and the names and addresses it may serve.
type Request struct {
	Name   string
	Groups []string
	Hosts  []string
}

// NewAuthority makes an authority of its own.
func NewAuthority(name string, now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of %s: %w", name, err)
	}
	tmpl := template(Request{Name: name}, now)
	tmpl.IsCA, tmpl.BasicConstraintsValid = true, true
	tmpl.KeyUsage |= x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("signing authority %s: %w", name, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading back authority %s: %w", name, err)
	}
	return &Authority{CertPEM: encode("CERTIFICATE", der), cert: cert, key: key}, nil
}

// Issue signs an identity.
func (a *Authority) Issue(r Request, now time.Time) (Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Identity{}, fmt.Errorf("making the key of %s: %w", r.Name, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template(r, now), a.cert, key.Public(), a.key)
	if err != nil {
		return Identity{}, fmt.Errorf("signing %s: %w", r.Name, err)
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return Identity{}, err
	}
	return Identity{CertPEM: encode("CERTIFICATE", der), KeyPEM: keyPEM}, nil
}

// Save writes the authority to two files, for Load and for the servers.
func (a *Authority) Save(certFile, keyFile string) error {
	keyPEM, err := encodeKey(a.key)
	if err != nil {
		return err
	}
	return Identity{CertPEM: a.CertPEM, KeyPEM: keyPEM}.Save(certFile, keyFile)
}

// Load reads an authority that Save wrote.
func Load(certFile, keyFile string) (*Authority, error) {
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("reading the authority: %w", err)
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the authority's key: %w", err)
	}
	certBlock, _ := pem.Decode(certPEM)
	keyBlock, _ := pem.Decode(keyPEM)
	if certBlock == nil || keyBlock == nil {
		return nil, fmt.Errorf("reading the authority: %s or %s is not PEM", certFile, keyFile)
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the authority: %w", err)
	}
	key, err := x509.ParseECPrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the authority's key: %w", err)
	}
	return &Authority{CertPEM: certPEM, cert: cert, key: key}, nil
}

// Save writes the identity to two files, the key readable by its owner only.
func (id Identity) Save(certFile, keyFile string) error {
	if err := os.WriteFile(certFile, id.CertPEM, 0o644); err != nil {
		return fmt.Errorf("writing a certificate: %w", err)
	}
	if err := os.WriteFile(keyFile, id.KeyPEM, 0o600); err != nil {
		return fmt.Errorf("writing a key: %w", err)
	}
	return nil
}

// LoadIdentity reads an identity that Save wrote.
func LoadIdentity(certFile, keyFile string) (Identity, error) {
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return Identity{}, fmt.Errorf("reading a certificate: %w", err)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return Identity{}, fmt.Errorf("reading a key: %w", err)
	}
	return Identity{CertPEM: cert, KeyPEM: key}, nil
}

func template(r Request, now time.Time) *x509.Certificate {
	t := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: r.Name, Organization: r.Groups},
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, h := range r.Hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	return t
}

func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: crypto/rand
	return new(big.Int).SetBytes(b)
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return encode("EC PRIVATE KEY", der), nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
