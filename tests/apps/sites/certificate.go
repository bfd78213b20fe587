package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// The Secret of the certificate, and the Service that serves with it.
const (
	certificateName = "sites-webhook-tls"
	serviceName     = "sites-webhook"
)

// trusting are where the API server reads which certificate to trust.
var trusting = []struct{ path, field string }{
	{"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sites.web.example.com", "/spec/conversion/webhook/clientConfig/caBundle"},
	{"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/sites", "/webhooks/0/clientConfig/caBundle"},
	{"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sites", "/webhooks/0/clientConfig/caBundle"},
	{"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/sites-pods", "/webhooks/0/clientConfig/caBundle"},
}

// certify makes the certificate, unless there is one, and has the API server trust it.
func (a *api) certify(ctx context.Context) error {
	path := "/api/v1/namespaces/" + a.namespace + "/secrets/" + certificateName
	var secret struct{ Data map[string]string }
	err := a.get(ctx, path, &secret)
	if errors.Is(err, errNotFound) {
		if secret.Data, err = newCertificate(serviceName + "." + a.namespace + ".svc"); err != nil {
			return err
		}
		return a.apply(ctx, path, object{"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": certificateName}, "type": "kubernetes.io/tls", "data": secret.Data})
	}
	if err != nil {
		return err
	}
	for _, t := range trusting {
		err := a.send(ctx, "PATCH", t.path, jsonPatch, []object{{"op": "add", "path": t.field, "value": secret.Data["tls.crt"]}}, nil)
		if err != nil {
			return err
		}
	}
	return nil
}

// newCertificate makes a key and a certificate that signs itself, as the data of a Secret.
func newCertificate(host string) (map[string]string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding the key: %w", err)
	}
	encode := func(kind string, der []byte) string {
		return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return map[string]string{"tls.crt": encode("CERTIFICATE", der), "tls.key": encode("PRIVATE KEY", keyDER)}, nil
}
