package eks

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/smithy-go"

	"salvor.io/salvor/shared/salvor"
)

// codes are those of STS and EKS, by the code of AWS's error
// (https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html, https://docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html).
var codes = map[string]salvor.Code{
	"AccessDenied":                salvor.Forbidden,
	"AccessDeniedException":       salvor.Forbidden,
	"OptInRequired":               salvor.Forbidden,
	"RegionDisabledException":     salvor.Forbidden,
	"ResourceNotFoundException":   salvor.NotFound,
	"ExpiredToken":                salvor.Unauthorized,
	"ExpiredTokenException":       salvor.Unauthorized,
	"IncompleteSignature":         salvor.Unauthorized,
	"InvalidClientTokenId":        salvor.Unauthorized,
	"InvalidSignatureException":   salvor.Unauthorized,
	"MissingAuthenticationToken":  salvor.Unauthorized,
	"RequestExpired":              salvor.Unauthorized,
	"SignatureDoesNotMatch":       salvor.Unauthorized,
	"UnrecognizedClientException": salvor.Unauthorized,
	"InvalidParameterException":   salvor.Invalid,
	"InvalidRequestException":     salvor.Invalid,
	"ValidationError":             salvor.Invalid,
	"RequestLimitExceeded":        salvor.Unavailable,
	"ServerException":             salvor.Unavailable,
	"ServiceUnavailable":          salvor.Unavailable,
	"ServiceUnavailableException": salvor.Unavailable,
	"Throttling":                  salvor.Unavailable,
	"ThrottlingException":         salvor.Unavailable,
}

// explain puts an error of the SDK into our words. What AWS says of a signature it holds back: that message quotes the
// request, and a session token with it.
func explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var done *salvor.Error
	if errors.As(err, &done) {
		return done
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return unanswered(err)
	}
	code, ok := codes[api.ErrorCode()]
	if !ok {
		code = salvor.Unavailable
		if api.ErrorFault() == smithy.FaultClient {
			code = salvor.Invalid
		}
	}
	e := &salvor.Error{Code: code, Message: "AWS says " + api.ErrorCode() + said(api)}
	switch {
	case api.ErrorCode() == "RegionDisabledException":
		return e.WithHint("activate STS in this region for the account: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html")
	case code == salvor.Unauthorized:
		return e.WithHint("the AWS credentials in use are wrong or have expired: see aws sts get-caller-identity")
	}
	return e
}

// said is AWS's message, where it can be shown.
func said(api smithy.APIError) string {
	if codes[api.ErrorCode()] == salvor.Unauthorized {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(api.ErrorMessage()), "\n")
	if line == "" {
		return ""
	}
	return ": " + strings.TrimSuffix(line, ".")
}

// unanswered explains an error that AWS has no part in.
func unanswered(err error) error {
	// The SDK has no type for it: the provider that was asked last is quoted.
	for _, s := range []string{"failed to refresh cached credentials", "get identity: ", "failed to retrieve credentials", "static credentials are empty"} {
		if strings.Contains(err.Error(), s) {
			return noCredentials(err)
		}
	}
	return salvor.Errorf(salvor.Unavailable, "AWS did not answer: %w", err)
}

// noCredentials says that there is nobody to sign in as.
func noCredentials(cause error) error {
	e := &salvor.Error{Code: salvor.Unauthorized, Message: "there are no AWS credentials", Err: cause}
	return e.WithHint("set AWS_PROFILE, or sign in with aws sso login")
}

// notAssumed says that the role of spec can't be assumed. Whether an external id was sent is told, and not which.
func notAssumed(spec salvor.EKSCluster, err error) error {
	err = explain(err)
	if !salvor.Is(err, salvor.Forbidden) {
		return err
	}
	with, match := "without an external id", "ask for no external id"
	if spec.ExternalID != "" {
		with, match = "with the external id of the Cluster", "ask for that same external id"
	}
	return salvor.Errorf(salvor.Forbidden, "role %s can't be assumed %s: %w", spec.RoleARN, with, err).
		WithHint("it has to exist, and its trust policy has to name the caller and %s: deploy infra/cluster-access.yaml with both", match)
}
