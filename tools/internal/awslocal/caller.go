package awslocal

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// caller is who signed a request.
type caller struct {
	// arn as GetCallerIdentity tells it, and the principal's own.
	arn, principal string
	userID         string
	// region and service that the request is signed for.
	region, service string
	// role is nil for a user.
	role *Role
}

func (c *caller) account() string { return accountOf(c.arn) }

// session is the credentials of an assumed role.
type session struct {
	secret, token string
	roleARN, name string
	expires       time.Time
}

// failure is an error as AWS tells it.
type failure struct {
	status        int
	code, message string
}

func (f *failure) Error() string { return f.code + ": " + f.message }

// authenticate finds out who signed the request, or why nobody did.
func (s *Server) authenticate(r *http.Request, accounts *Accounts) (*caller, *failure) {
	sig := parseSignature(r)
	if sig == nil {
		return nil, &failure{http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token"}
	}
	body, err := readBody(r)
	if err != nil {
		return nil, &failure{http.StatusBadRequest, "IncompleteSignature", err.Error()}
	}
	c, secret := s.signer(sig, accounts)
	if c == nil {
		code := "InvalidClientTokenId"
		if sig.service == "eks" {
			code = "UnrecognizedClientException"
		}
		return nil, &failure{http.StatusForbidden, code, "The security token included in the request is invalid."}
	}
	if !sig.fresh(s.Now()) || !sig.matches(r.Context(), r, body, secret) {
		code := "SignatureDoesNotMatch"
		if sig.service == "eks" {
			code = "InvalidSignatureException"
		}
		return nil, &failure{http.StatusForbidden, code, "The request signature we calculated does not match the signature you provided."}
	}
	c.region, c.service = sig.region, sig.service
	return c, nil
}

// signer returns whose access key it is, and its secret.
func (s *Server) signer(sig *signature, accounts *Accounts) (*caller, string) {
	for _, u := range accounts.Users {
		if u.AccessKey == sig.accessKey && sig.token == "" {
			return &caller{arn: u.ARN, principal: u.ARN, userID: "AIDA" + u.AccessKey}, u.SecretKey
		}
	}
	s.mu.Lock()
	held, ok := s.sessions[sig.accessKey]
	s.mu.Unlock()
	if !ok || held.token != sig.token || !s.Now().Before(held.expires) {
		return nil, ""
	}
	role := accounts.role(held.roleARN)
	if role == nil {
		return nil, ""
	}
	_, full, _ := strings.Cut(held.roleARN, ":role/")
	name := full[strings.LastIndexByte(full, '/')+1:]
	return &caller{arn: fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", accountOf(held.roleARN), name, held.name),
		principal: held.roleARN, userID: "AROA" + strings.ToUpper(name) + ":" + held.name, role: role}, held.secret
}

// open makes credentials of a role.
func (s *Server) open(roleARN, name string, life time.Duration) (accessKey string, held session) {
	accessKey = "ASIA" + rand.Text()[:16]
	held = session{secret: rand.Text() + rand.Text(), token: rand.Text() + rand.Text(), roleARN: roleARN, name: name, expires: s.Now().Add(life)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[accessKey] = held
	return accessKey, held
}
