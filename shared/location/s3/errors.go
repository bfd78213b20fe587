package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"salvor.io/salvor/shared/location"
	"salvor.io/salvor/shared/salvor"
)

// op is what was being done: in words, and the permission it takes.
type op struct{ doing, action string }

var (
	opPut    = op{"putting", "s3:PutObject"}
	opGet    = op{"getting", "s3:GetObject"}
	opStat   = op{"reading about", "s3:GetObject"}
	opList   = op{"listing", "s3:ListBucket"}
	opDelete = op{"deleting", "s3:DeleteObject"}
	opLock   = op{"locking", "s3:PutObjectRetention"}
)

// kinds says what S3's error codes mean to a location.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
var kinds = map[string]error{
	"NoSuchKey":          location.ErrNotFound,
	"NotFound":           location.ErrNotFound,
	"NoSuchVersion":      location.ErrNotFound,
	"PreconditionFailed": location.ErrExists,

	"InvalidRange":    location.ErrRange,
	"KeyTooLongError": location.ErrKey,

	"BadDigest":                   location.ErrCorrupt,
	"InvalidDigest":               location.ErrCorrupt,
	"XAmzContentChecksumMismatch": location.ErrCorrupt,
	"XAmzContentSHA256Mismatch":   location.ErrCorrupt,
	"IncompleteBody":              location.ErrCorrupt,

	"AccessDenied":              location.ErrDenied,
	"AllAccessDisabled":         location.ErrDenied,
	"AccountProblem":            location.ErrDenied,
	"Forbidden":                 location.ErrDenied,
	"KMS.AccessDeniedException": location.ErrDenied,

	"ExpiredToken":          location.ErrCredentials,
	"ExpiredTokenException": location.ErrCredentials,
	"TokenRefreshRequired":  location.ErrCredentials,
	"InvalidToken":          location.ErrCredentials,
	"InvalidAccessKeyId":    location.ErrCredentials,
	"SignatureDoesNotMatch": location.ErrCredentials,
	"XAdminUserNotFound":    location.ErrCredentials, // versitygw, for an unknown access key
	"RequestTimeTooSkewed":  location.ErrCredentials,

	"SlowDown":                 location.ErrThrottled,
	"Throttling":               location.ErrThrottled,
	"ThrottlingException":      location.ErrThrottled,
	"RequestLimitExceeded":     location.ErrThrottled,
	"TooManyRequests":          location.ErrThrottled,
	"TooManyRequestsException": location.ErrThrottled,
	"BandwidthLimitExceeded":   location.ErrThrottled,

	"QuotaExceeded":       location.ErrFull,
	"InsufficientStorage": location.ErrFull,
	"EntityTooLarge":      location.ErrFull,

	"NoSuchBucket":                       location.ErrAbsent,
	"InvalidBucketName":                  location.ErrSetup,
	"PermanentRedirect":                  location.ErrSetup,
	"AuthorizationHeaderMalformed":       location.ErrSetup,
	"IllegalLocationConstraintException": location.ErrSetup,
	"InvalidObjectState":                 location.ErrSetup,
	"KMS.NotFoundException":              location.ErrSetup,
	"KMS.DisabledException":              location.ErrSetup,
	"KMS.KMSInvalidStateException":       location.ErrSetup,
}

// fail translates err into the errors of package location.
func (s *Store) fail(o op, key string, err error) error {
	message := o.doing + " " + s.url(key)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", message, err)
	}
	var known *salvor.Error
	if errors.As(err, &known) {
		return &salvor.Error{Code: known.Code, Message: message, Err: err}
	}
	kind := classify(err)
	if kind == nil {
		return fmt.Errorf("%s: %w", message, err)
	}
	return &salvor.Error{Code: salvor.CodeOf(kind), Message: message, Hint: s.hint(o, kind, err), Err: fmt.Errorf("%w: %w", kind, err)}
}

// classify finds what err means, by its code, else by the HTTP status: the answer
// to a HEAD request has no body to hold a code. nil if it can't be told.
func classify(err error) error {
	// The SDK has no type for credentials that it could not get; why not may be another service's answer.
	if err != nil && strings.Contains(err.Error(), "get identity: ") {
		return location.ErrCredentials
	}
	if kind, ok := kinds[errorCode(err)]; ok {
		return kind
	}
	if answer := new(smithyhttp.ResponseError); errors.As(err, &answer) && answer.HTTPStatusCode() != 0 {
		switch status := answer.HTTPStatusCode(); {
		case status == http.StatusUnauthorized, status == http.StatusForbidden:
			return location.ErrDenied
		case status == http.StatusPreconditionFailed:
			return location.ErrExists
		case status == http.StatusMovedPermanently:
			return location.ErrSetup
		case status == http.StatusTooManyRequests:
			return location.ErrThrottled
		case status == http.StatusInsufficientStorage:
			return location.ErrFull
		case status >= 500:
			return location.ErrUnavailable
		}
		return nil
	}
	if send := new(smithyhttp.RequestSendError); errors.As(err, &send) {
		return location.ErrUnavailable
	}
	return nil
}

// hint says what to do about an error.
func (s *Store) hint(o op, kind, err error) string {
	code := errorCode(err)
	switch kind {
	case location.ErrDenied:
		return s.deniedHint(o, code)
	case location.ErrCredentials:
		if code == "RequestTimeTooSkewed" {
			return "set this machine's clock"
		}
		return "get new credentials (sign in again, or see which role is assumed), then try again"
	case location.ErrThrottled:
		return "try again later, or with less in parallel"
	case location.ErrUnavailable:
		return "see whether the endpoint is right and can be reached from here, then try again"
	case location.ErrFull:
		return "free space there, or let older backups expire"
	case location.ErrSetup, location.ErrAbsent:
		return s.setupHint(code)
	}
	return ""
}

func (s *Store) deniedHint(o op, code string) string {
	if strings.HasPrefix(code, "KMS.") {
		return "let the identity in use do kms:GenerateDataKey and kms:Decrypt with the location's key"
	}
	resource := "arn:aws:s3:::" + s.bucket
	if o != opList {
		resource += "/" + s.prefix + "*"
	}
	hint := fmt.Sprintf("let the identity in use do %s on %s", o.action, resource)
	if s.kmsKey != "" {
		hint += ", and kms:GenerateDataKey and kms:Decrypt with " + s.kmsKey
	}
	if o == opGet || o == opStat {
		hint += "; without s3:ListBucket on the bucket this may also mean that the object isn't there"
	}
	return hint
}

func (s *Store) setupHint(code string) string {
	switch code {
	case "NoSuchBucket", "InvalidBucketName":
		return fmt.Sprintf("create the bucket %s, or name the right one in the backup location", s.bucket)
	case "InvalidObjectState":
		return "it is archived: restore it from its storage class first"
	case "KMS.NotFoundException", "KMS.DisabledException", "KMS.KMSInvalidStateException":
		return "see whether the location's KMS key exists in the bucket's region and is enabled"
	}
	return fmt.Sprintf("name the region that the bucket %s is in in the backup location", s.bucket)
}

// errorCode returns the code of S3's answer, "" if there was none.
func errorCode(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// isConflict reports that another put of the same key was going on, and that S3
// wants this one to be begun anew.
func isConflict(err error) bool { return errorCode(err) == "ConditionalRequestConflict" }

// isTaken reports that the object exists, or that the upload of its parts has
// ended, which after a lost answer means the same.
func isTaken(err error) bool {
	return classify(err) == location.ErrExists || errorCode(err) == "NoSuchUpload"
}
