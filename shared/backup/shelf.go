package backup

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"

	"salvor.io/salvor/shared/closure"
	"salvor.io/salvor/shared/cluster"
)

// A shelf holds objects that were read until it is known which of them are taken. They are compressed in boxes of about
// boxSize; what is beyond shelfMemory goes to a file without a name, encrypted with a key that only this process has:
// there are Secrets among them.
const (
	boxSize     = 256 << 10
	shelfMemory = 8 << 20
)

type shelf struct {
	// dir is where the file goes; "" is the system's directory for such.
	dir string

	mu     sync.Mutex
	memory int
	file   *os.File
	size   int64
	block  cipher.Block
}

// box is a part of a row.
type box struct {
	nodes []closure.Node
	data  []byte // in memory
	at    int64  // in the file
	size  int    // as stored
}

// row is the objects of one list, in their order.
type row struct {
	shelf *shelf
	boxes []box
	nodes []closure.Node // of the open box
	open  []byte
}

// add puts an object at the end of the row.
func (r *row) add(n closure.Node, i cluster.Item) error {
	size := uint64(len(i.Raw)) << 1
	if i.HasType {
		size |= 1
	}
	r.open = binary.AppendUvarint(r.open, size)
	r.open = append(r.open, i.Raw...)
	r.nodes = append(r.nodes, n)
	if len(r.open) < boxSize {
		return nil
	}
	return r.close()
}

// close ends the box that is open, if any.
func (r *row) close() error {
	if len(r.nodes) == 0 {
		return nil
	}
	b := box{nodes: slices.Clone(r.nodes)}
	packed := s2.Encode(nil, r.open)
	r.nodes, r.open = r.nodes[:0], r.open[:0]
	if err := r.shelf.put(&b, packed); err != nil {
		return fmt.Errorf("keeping objects until it is known which are needed: %w", err)
	}
	r.boxes = append(r.boxes, b)
	return nil
}

// done ends the row; nothing is added any more.
func (r *row) done() error {
	err := r.close()
	r.nodes, r.open = nil, nil
	return err
}

// put stores the packed bytes of a box, in memory while there is room.
func (s *shelf) put(b *box, packed []byte) error {
	b.size = len(packed)
	s.mu.Lock()
	if s.memory+len(packed) <= shelfMemory {
		s.memory += len(packed)
		b.data = slices.Clone(packed)
		s.mu.Unlock()
		return nil
	}
	err := s.begin()
	b.at = s.size
	s.size += int64(len(packed))
	s.mu.Unlock()
	if err != nil {
		return err
	}
	s.crypt(packed, b.at)
	_, err = s.file.WriteAt(packed, b.at)
	return err
}

// begin makes the file on first use. The caller holds the lock.
func (s *shelf) begin() error {
	if s.file != nil {
		return nil
	}
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return err
	}
	var err error
	if s.block, err = aes.NewCipher(key[:]); err != nil {
		return err
	}
	if s.file, err = os.CreateTemp(s.dir, "salvor-*"); err != nil {
		return err
	}
	return os.Remove(s.file.Name()) // the open file stays until it is closed, whatever becomes of this process
}

// crypt encrypts or decrypts what stands at an offset of the file. No two boxes share a counter: each begins at its own
// offset, which the upper half counts, and the lower half counts within it.
func (s *shelf) crypt(data []byte, at int64) {
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint64(iv[:], uint64(at))
	cipher.NewCTR(s.block, iv[:]).XORKeyStream(data, data)
}

// free gives back what the shelf holds.
func (s *shelf) free() {
	if s.file != nil {
		_ = s.file.Close() // nobody needs what was in it
	}
}

// read returns what the box holds.
func (s *shelf) read(b *box) ([]byte, error) {
	packed := b.data
	if packed == nil {
		packed = make([]byte, b.size)
		if _, err := s.file.ReadAt(packed, b.at); err != nil {
			return nil, fmt.Errorf("reading objects that were kept: %w", err)
		}
		s.crypt(packed, b.at)
	}
	return s2.Decode(nil, packed)
}

// each hands out the objects of the row that takes wants, in their order.
func (r *row) each(takes func(closure.Node) bool, each func(closure.Node, []byte, bool) error) error {
	for i := range r.boxes {
		b := &r.boxes[i]
		if !slices.ContainsFunc(b.nodes, takes) {
			continue
		}
		data, err := r.shelf.read(b)
		if err != nil {
			return err
		}
		for _, n := range b.nodes {
			size, length := binary.Uvarint(data)
			raw := data[length : length+int(size>>1)]
			data = data[length+int(size>>1):]
			if !takes(n) {
				continue
			}
			if err := each(n, raw, size&1 == 1); err != nil {
				return err
			}
		}
	}
	return nil
}
