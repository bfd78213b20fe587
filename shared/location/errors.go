package location

import "salvor.io/salvor/shared/salvor"

// The errors of a Location. What a method returns wraps one of these, says what
// was done to which key, and carries a hint where the reader can do something.
var (
	// ErrExists: a blob is under the key already, and was left as it is.
	ErrExists error = &salvor.Error{Code: salvor.Exists, Message: "it is there already"}
	// ErrNotFound: no blob is under the key.
	ErrNotFound error = &salvor.Error{Code: salvor.NotFound, Message: "it is not there"}
	// ErrCorrupt: the bytes differ from those that were put.
	ErrCorrupt error = &salvor.Error{Code: salvor.Corrupt, Message: "the bytes are not those that were stored"}
	// ErrDenied: the identity in use may not do this.
	ErrDenied error = &salvor.Error{Code: salvor.Forbidden, Message: "access denied"}
	// ErrCredentials: the store doesn't accept who we say we are, for example
	// because a token has expired.
	ErrCredentials error = &salvor.Error{Code: salvor.Unauthorized, Message: "credentials refused"}
	// ErrThrottled: the store asked for fewer requests, and still did after
	// several tries.
	ErrThrottled error = &salvor.Error{Code: salvor.Unavailable, Message: "the store asks for fewer requests"}
	// ErrUnavailable: the store could not be reached or failed, also after
	// several tries.
	ErrUnavailable error = &salvor.Error{Code: salvor.Unavailable, Message: "the store does not answer"}
	// ErrLocked: a lock, such as of S3 Object Lock, keeps the blob from being removed before its time.
	ErrLocked error = &salvor.Error{Code: salvor.Conflict, Message: "it is locked"}
	// ErrFull: there is no room left.
	ErrFull error = &salvor.Error{Code: salvor.Unavailable, Message: "no space left"}
	// ErrSetup: the location itself is set up wrongly: another region, an unusable
	// key, or ErrAbsent.
	ErrSetup error = &salvor.Error{Code: salvor.Invalid, Message: "the location is not usable"}
	// ErrAbsent is ErrSetup because there is no such bucket or directory.
	ErrAbsent error = &salvor.Error{Code: salvor.NotFound, Message: "there is no such directory or bucket", Err: ErrSetup}
	// ErrKey: the key or prefix is not one a location takes.
	ErrKey error = &salvor.Error{Code: salvor.Invalid, Message: "not a key"}
	// ErrRange: the range begins outside of the blob.
	ErrRange error = &salvor.Error{Code: salvor.Invalid, Message: "not a range of it"}
)
