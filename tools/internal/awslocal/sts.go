package awslocal

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Answers of STS. The field names serve for XML and JSON: https://docs.aws.amazon.com/STS/latest/APIReference.
type (
	identity struct {
		XMLName  xml.Name       `xml:"GetCallerIdentityResponse" json:"-"`
		Result   identityResult `xml:"GetCallerIdentityResult" json:"GetCallerIdentityResult"`
		Metadata metadata       `xml:"ResponseMetadata" json:"ResponseMetadata"`
	}
	identityResult struct {
		Account, Arn string
		UserID       string `xml:"UserId" json:"UserId"`
	}
	metadata struct {
		RequestID string `xml:"RequestId" json:"RequestId"`
	}
	assumed struct {
		XMLName  xml.Name      `xml:"AssumeRoleResponse" json:"-"`
		Result   assumedResult `xml:"AssumeRoleResult"`
		Metadata metadata      `xml:"ResponseMetadata"`
	}
	assumedResult struct {
		Credentials     sessionKeys
		AssumedRoleUser struct{ Arn string }
	}
	sessionKeys struct {
		AccessKeyID                               string `xml:"AccessKeyId"`
		SecretAccessKey, SessionToken, Expiration string
	}
	stsError struct {
		XMLName xml.Name `xml:"ErrorResponse" json:"-"`
		Error   stsFault
	}
	stsFault struct{ Type, Code, Message string }
)

const requestID = "00000000-0000-0000-0000-000000000000"

// serveSTS answers one action of a caller who has been authenticated.
func (s *Server) serveSTS(w http.ResponseWriter, r *http.Request, c *caller, accounts *Accounts) *failure {
	switch action := r.FormValue("Action"); action {
	case "GetCallerIdentity":
		answer := identity{Result: identityResult{c.account(), c.arn, c.userID}, Metadata: metadata{requestID}}
		if wantsJSON(r) {
			writeJSON(w, http.StatusOK, map[string]any{"GetCallerIdentityResponse": answer})
		} else {
			writeXML(w, http.StatusOK, answer)
		}
		return nil
	case "AssumeRole":
		return s.assumeRole(w, r, c, accounts)
	default:
		return &failure{http.StatusBadRequest, "InvalidAction", "Could not find operation " + action}
	}
}

// assumeRole gives credentials of a role to whom its trust policy names. AWS tells nobody which of the reasons it was.
func (s *Server) assumeRole(w http.ResponseWriter, r *http.Request, c *caller, accounts *Accounts) *failure {
	roleARN, name := r.FormValue("RoleArn"), r.FormValue("RoleSessionName")
	q := request{principals: []string{c.principal, "arn:aws:iam::" + c.account() + ":root"}, action: "sts:AssumeRole", keys: map[string]string{}}
	if id := r.FormValue("ExternalId"); id != "" {
		q.keys["sts:ExternalId"] = id
	}
	role := accounts.role(roleARN)
	if role == nil || !allows([]Policy{role.Trust}, q) {
		return &failure{http.StatusForbidden, "AccessDenied", "User: " + c.arn + " is not authorized to perform: sts:AssumeRole on resource: " + roleARN}
	}
	seconds, err := strconv.Atoi(r.FormValue("DurationSeconds"))
	if err != nil || seconds < 900 || seconds > 3600 {
		return &failure{http.StatusBadRequest, "ValidationError", "DurationSeconds must be 900 to 3600"}
	}
	key, held := s.open(roleARN, name, time.Duration(seconds)*time.Second)
	var answer assumed
	answer.Metadata.RequestID = requestID
	answer.Result.AssumedRoleUser.Arn = roleARN
	answer.Result.Credentials = sessionKeys{key, held.secret, held.token, held.expires.UTC().Format(time.RFC3339)}
	writeXML(w, http.StatusOK, answer)
	return nil
}

func writeSTSError(w http.ResponseWriter, r *http.Request, f *failure) {
	e := stsError{Error: stsFault{"Sender", f.code, f.message}}
	if wantsJSON(r) {
		writeJSON(w, f.status, e)
		return
	}
	writeXML(w, f.status, e)
}

func wantsJSON(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "application/json")
}

func writeXML(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(v)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
