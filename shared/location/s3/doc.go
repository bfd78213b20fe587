// Package s3 is a location in an S3 bucket, or in the part of one below a prefix.
//
// Every put is conditional (If-None-Match: *) and carries the SHA-256 of its
// bytes, which the server checks. The digest is kept in the object's metadata
// too, so that every Get is checked to its end, objects of several parts
// included. Objects are never overwritten.
//
// A put whose answer got lost may have succeeded; when it is tried again, the
// server says that the object exists. It is then recognised as our own by an id
// in its metadata, new for every Put.
//
// What an identity needs: s3:PutObject, s3:GetObject, s3:DeleteObject and
// s3:AbortMultipartUpload on the objects, s3:ListBucket on the bucket, and with a
// KMS key kms:GenerateDataKey and kms:Decrypt on that. Without s3:ListBucket, S3
// answers "denied" for what isn't there.
//
// Give the bucket a lifecycle rule that removes incomplete multipart uploads: a
// process that was killed leaves one behind, unseen and charged for.
package s3
