package node

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"salvor.io/salvor/tools/internal/child"
	"salvor.io/salvor/tools/internal/image"
)

// The images that every node has.
const (
	// PauseImage holds a pod's namespaces open.
	PauseImage = "localhost/salvor/pause:1"
	// BusyboxImage is a small Unix with a shell, for pods of tests.
	BusyboxImage = "localhost/salvor/busybox:1"
)

// importImages builds the images and gives them to containerd.
func (n *Node) importImages(group *child.Group) error {
	pause, err := n.pause()
	if err != nil {
		return err
	}
	busybox, err := busybox()
	if err != nil {
		return err
	}
	images := []image.Image{pause, busybox}
	for tag, path := range n.Programs {
		img, err := programImage(tag, path)
		if err != nil {
			return err
		}
		images = append(images, img)
	}
	for _, img := range images {
		if err := n.importImage(group, img); err != nil {
			return err
		}
	}
	for _, file := range n.Images {
		if err := importArchive(group, file); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) importImage(group *child.Group, img image.Image) error {
	file := n.path("image.tar")
	if err := writeImage(file, img); err != nil {
		return err
	}
	defer os.Remove(file)
	return importArchive(group, file)
}

// importArchive gives containerd the images of an archive.
func importArchive(group *child.Group, file string) error {
	ctr, err := findProgram("ctr")
	if err != nil {
		return err
	}
	if err := group.Run(programPath(), ctr, "--address", socket, "--namespace", "k8s.io", "images", "import", file); err != nil {
		return fmt.Errorf("importing images of %s: %w", file, err)
	}
	return nil
}

// programImage is an image of one static program.
func programImage(tag, path string) (image.Image, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return image.Image{}, fmt.Errorf("reading the program of image %s: %w", tag, err)
	}
	name := filepath.Base(path)
	return image.Image{Tag: tag, Command: []string{"/" + name},
		Files: []image.File{{Path: "tmp/", Mode: 0o1777}, {Path: name, Mode: 0o755, Data: data}}}, nil
}

func writeImage(path string, img image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("making the archive of %s: %w", img.Tag, err)
	}
	defer f.Close()
	if err := img.Write(f); err != nil {
		return err
	}
	return f.Close()
}

func (n *Node) pause() (image.Image, error) {
	data, err := os.ReadFile(filepath.Join(n.Bin, "pause"))
	if err != nil {
		return image.Image{}, fmt.Errorf("reading the pause program: %w", err)
	}
	return image.Image{Tag: PauseImage, Command: []string{"/pause"},
		Files: []image.File{{Path: "pause", Mode: 0o755, Data: data}}}, nil
}

// busybox packs the machine's static busybox with a link for each command of it.
func busybox() (image.Image, error) {
	path, err := findProgram("busybox")
	if err != nil {
		return image.Image{}, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return image.Image{}, fmt.Errorf("reading busybox: %w", err)
	}
	list, err := exec.Command(path, "--list").Output()
	if err != nil {
		return image.Image{}, fmt.Errorf("asking busybox for its commands: %w", err)
	}
	files := []image.File{
		{Path: "tmp/", Mode: 0o1777},
		{Path: "root/", Mode: 0o700},
		{Path: "etc/passwd", Mode: 0o644, Data: []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")},
		{Path: "etc/group", Mode: 0o644, Data: []byte("root:x:0:\nnobody:x:65534:\n")},
		{Path: "bin/busybox", Mode: 0o755, Data: data},
	}
	for _, command := range strings.Fields(string(list)) {
		if command != "busybox" {
			files = append(files, image.File{Path: "bin/" + command, Mode: 0o777, Link: "busybox"})
		}
	}
	return image.Image{Tag: BusyboxImage, Command: []string{"sh"}, Files: files}, nil
}
