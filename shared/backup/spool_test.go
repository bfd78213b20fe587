package backup_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"salvor.io/salvor/shared/backup"
)

func TestSpoolGivesBackWhatWasWritten(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, backup.ChunkSize - 1, backup.ChunkSize, backup.ChunkSize + 1, 3*backup.ChunkSize + 17} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(random.Uint32())
		}
		s := backup.NewSpool()
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 1+random.IntN(backup.ChunkSize/3))
			if _, err := s.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := iotest.TestReader(io.NewSectionReader(s, 0, int64(size)), want); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		var b bytes.Buffer
		if n, err := s.WriteTo(&b); err != nil || n != int64(size) || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%d bytes: WriteTo: %d bytes, %v", size, n, err)
		}
		if n, err := s.ReadAt(make([]byte, 2), int64(size)); n != 0 || err != io.EOF {
			t.Errorf("%d bytes: reading behind the end: %d bytes, %v", size, n, err)
		}
	}
}
