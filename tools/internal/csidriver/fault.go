package csidriver

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The parameters of a class with which what is made of it goes wrong on purpose.
// Those of a VolumeSnapshotClass or VolumeGroupSnapshotClass are about its
// snapshots, those of a StorageClass about its volumes.
const (
	// ParamDelay is how long it takes until the volume is made, or the snapshot cut: a duration.
	ParamDelay = "fault/delay"
	// ParamPending is how long a snapshot is pending after it was cut: a duration. It goes before the driver's own.
	ParamPending = "fault/pending"
	// ParamError is an error that the driver answers instead, and ParamErrors how many times; without, always.
	ParamError  = "fault/error"
	ParamErrors = "fault/errors"
	// ParamCode is the code of that error, such as RESOURCE_EXHAUSTED, which says that it may be in progress. INTERNAL, the default, is final.
	ParamCode = "fault/code"
	// ParamBroken is what is wrong with a snapshot that was cut, and when it ought to be usable is not and never will be.
	ParamBroken = "fault/broken"
)

// fault is what goes wrong with one thing.
type fault struct {
	delay, pending time.Duration
	message        string
	code           codes.Code
	times          int // negative: always
	broken         string
}

// readFault returns the fault that parameters ask for; pending is that of a snapshot unless they say it.
func readFault(parameters map[string]string, pending time.Duration) (fault, error) {
	f := fault{pending: pending, message: parameters[ParamError], broken: parameters[ParamBroken], code: codes.Internal, times: -1}
	for key, value := range map[string]*time.Duration{ParamDelay: &f.delay, ParamPending: &f.pending} {
		text, ok := parameters[key]
		if !ok {
			continue
		}
		var err error
		if *value, err = time.ParseDuration(text); err != nil {
			return fault{}, status.Errorf(codes.InvalidArgument, "parameter %s: %v", key, err)
		}
	}
	if text, ok := parameters[ParamErrors]; ok {
		var err error
		if f.times, err = strconv.Atoi(text); err != nil {
			return fault{}, status.Errorf(codes.InvalidArgument, "parameter %s: %v", ParamErrors, err)
		}
	}
	if text, ok := parameters[ParamCode]; ok {
		if err := json.Unmarshal([]byte(strconv.Quote(text)), &f.code); err != nil {
			return fault{}, status.Errorf(codes.InvalidArgument, "parameter %s: %v", ParamCode, err)
		}
	}
	return f, nil
}

// faults remembers what went wrong already, by the name of the thing.
type faults struct {
	mu     sync.Mutex
	asked  map[string]time.Time
	failed map[string]int
}

// happen lets go wrong what is to go wrong before the thing is made. Asked again, the delay is what is left of it.
func (fs *faults) happen(ctx context.Context, name string, f fault) error {
	fs.mu.Lock()
	if fs.asked == nil {
		fs.asked, fs.failed = map[string]time.Time{}, map[string]int{}
	}
	if fs.asked[name].IsZero() {
		fs.asked[name] = time.Now()
	}
	left := time.Until(fs.asked[name].Add(f.delay))
	fails := f.message != "" && (f.times < 0 || fs.failed[name] < f.times)
	if fails {
		fs.failed[name]++
	}
	fs.mu.Unlock()
	if fails {
		return status.Error(f.code, f.message)
	}
	select {
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-time.After(max(0, left)):
		return nil
	}
}
