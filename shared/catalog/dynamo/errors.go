package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"salvor.io/salvor/shared/salvor"
)

// codes says what an error of DynamoDB means to Salvor.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
var codes = map[string]salvor.Code{
	"AccessDeniedException":                  salvor.Forbidden,
	"KMSAccessDeniedException":               salvor.Forbidden,
	"ExpiredTokenException":                  salvor.Unauthorized,
	"IncompleteSignatureException":           salvor.Unauthorized,
	"InvalidSignatureException":              salvor.Unauthorized,
	"MissingAuthenticationTokenException":    salvor.Unauthorized,
	"UnrecognizedClientException":            salvor.Unauthorized,
	"InternalServerError":                    salvor.Unavailable,
	"ItemCollectionSizeLimitExceeded":        salvor.Unavailable,
	"LimitExceededException":                 salvor.Unavailable,
	"ProvisionedThroughputExceededException": salvor.Unavailable,
	"RequestLimitExceeded":                   salvor.Unavailable,
	"ResourceNotFoundException":              salvor.Unavailable,
	"ServiceUnavailable":                     salvor.Unavailable,
	"ThrottlingException":                    salvor.Unavailable,
	"ResourceInUseException":                 salvor.Exists,
}

// wrap says what was being done and gives the error its code. An error that has one keeps it.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	var known *salvor.Error
	if errors.As(err, &known) {
		return fmt.Errorf("%s: %w", what, err)
	}
	code, hint := classify(err)
	return salvor.Errorf(code, "%s: %w", what, err).WithHint("%s", hint)
}

func classify(err error) (salvor.Code, string) {
	switch {
	case errors.Is(err, context.Canceled):
		return salvor.Canceled, ""
	case errors.Is(err, context.DeadlineExceeded):
		return salvor.DeadlineExceeded, ""
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		code, known := codes[strings.TrimPrefix(api.ErrorCode(), "com.amazonaws.dynamodb.v20120810#")]
		switch {
		case api.ErrorCode() == "ResourceNotFoundException":
			return code, "check the name and the region of the table"
		case known:
			return code, ""
		case api.ErrorFault() == smithy.FaultServer:
			return salvor.Unavailable, ""
		}
		return salvor.Internal, ""
	}
	var canceled *aws.RequestCanceledError
	var sent *smithy.OperationError
	switch {
	case errors.As(err, &canceled):
		return salvor.Canceled, ""
	case errors.As(err, &sent): // It went out, or was about to, and no answer came.
		return salvor.Unavailable, "check the network and the credentials"
	}
	return salvor.Internal, ""
}

// refused reports whether a write's condition did not hold.
func refused(err error) bool {
	var e *types.ConditionalCheckFailedException
	return errors.As(err, &e)
}

func conflict() error {
	return salvor.Errorf(salvor.Conflict, "it was changed or deleted meanwhile").WithHint("read it again and retry")
}
