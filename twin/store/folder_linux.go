package store

import "syscall"

// remote names file systems, by the number that the kernel gives them, which
// are on another machine, or on a program that decides for itself what a lock
// and a sync mean.
var remote = map[uint32]string{
	0x6969:     "NFS",
	0x517B:     "SMB",
	0xFF534D42: "CIFS",
	0xFE534D42: "SMB2",
	0x65735546: "FUSE",
	0x01021997: "9P",
	0x00C36400: "Ceph",
	0x5346414F: "AFS",
	0x564C:     "NCP",
	0x73757245: "Coda",
}

// remoteName names the file system of a folder if it is such a one.
func remoteName(dir string) string {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return ""
	}
	return remote[uint32(st.Type)]
}
