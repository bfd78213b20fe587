package salvor

import (
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Bucket names: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
var (
	bucketName     = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	bucketPrefixes = []string{"xn--", "sthree-", "amzn-s3-demo-"}
	bucketSuffixes = []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}
	keyPart        = regexp.MustCompile(`^[0-9A-Za-z!_.*'()-]+$`)
	region         = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	ageRecipient   = regexp.MustCompile(`^age1[0-9a-z-]{10,}$`)
)

const (
	// maxPrefix leaves room in a key of 1024 bytes for a cluster id, a backup's name and a file name.
	maxPrefix = 400
	// maxLockDays is S3's limit of 100 years.
	maxLockDays = 36500
)

// Default fills in what the user left out.
func (l *BackupLocation) Default() { l.set(KindBackupLocation) }

// Validate reports every mistake at once.
func (l *BackupLocation) Validate() field.ErrorList {
	errs := validateHead(&l.TypeMeta, KindBackupLocation, &l.ObjectMeta, "")
	p := field.NewPath("spec")
	errs = append(errs, exactlyOne(p, []string{"s3", "directory"}, l.Spec.S3 != nil, l.Spec.Directory != nil)...)
	if l.Spec.S3 != nil {
		errs = append(errs, l.Spec.S3.validate(p.Child("s3"))...)
	}
	if l.Spec.Directory != nil {
		errs = append(errs, l.Spec.Directory.validate(p.Child("directory"))...)
	}
	return errs
}

func (s *S3Location) validate(p *field.Path) field.ErrorList {
	errs := validateBucket(p.Child("bucket"), s.Bucket)
	errs = append(errs, validatePrefix(p.Child("prefix"), s.Prefix)...)
	if s.Region != "" && !region.MatchString(s.Region) {
		errs = append(errs, field.Invalid(p.Child("region"), s.Region, "must be a region such as eu-central-1"))
	}
	errs = append(errs, validateEndpoint(p.Child("endpoint"), s.Endpoint)...)
	errs = append(errs, plainText(p.Child("kmsKeyID"), s.KMSKeyID, 2048)...)
	if l := s.ObjectLock; l != nil {
		p := p.Child("objectLock")
		if l.Mode == "" {
			errs = append(errs, field.Required(p.Child("mode"), "Governance or Compliance"))
		}
		errs = append(errs, oneOf(p.Child("mode"), l.Mode, ObjectLockGovernance, ObjectLockCompliance)...)
		if l.Days < 1 || l.Days > maxLockDays {
			errs = append(errs, field.Invalid(p.Child("days"), l.Days, "must be 1 to 36500 days"))
		}
	}
	return errs
}

func validateBucket(p *field.Path, name string) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(p, "")}
	}
	_, ip := netip.ParseAddr(name)
	bad := !bucketName.MatchString(name) || strings.Contains(name, "..") || ip == nil
	for _, s := range bucketPrefixes {
		bad = bad || strings.HasPrefix(name, s)
	}
	for _, s := range bucketSuffixes {
		bad = bad || strings.HasSuffix(name, s)
	}
	if bad {
		return field.ErrorList{field.Invalid(p, name, "must be a bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens, a letter or digit at both ends, "+
			"no two dots in a row, no IP address, none of the beginnings and ends that S3 keeps for itself")}
	}
	return nil
}

func validatePrefix(p *field.Path, prefix string) field.ErrorList {
	if prefix == "" {
		return nil
	}
	if len(prefix) > maxPrefix {
		return field.ErrorList{field.TooLong(p, prefix, maxPrefix)}
	}
	for part := range strings.SplitSeq(prefix, "/") {
		if part == "" || part == "." || part == ".." || !keyPart.MatchString(part) {
			return field.ErrorList{field.Invalid(p, prefix, "must be names of letters, digits and !_.*'()- with single slashes between them, none at the ends, and no . or .. among them")}
		}
	}
	return nil
}

// validateEndpoint never repeats an endpoint that carries credentials, or that nobody can read.
func validateEndpoint(p *field.Path, endpoint string) field.ErrorList {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(p, field.OmitValueType{}, "must be a URL such as https://s3.example.org")}
	case u.User != nil:
		return field.ErrorList{field.Invalid(p, field.OmitValueType{}, "must not carry credentials; they come from the environment")}
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.Opaque != "", u.RawQuery != "", u.Fragment != "":
		return field.ErrorList{field.Invalid(p, field.OmitValueType{}, "must be a URL such as https://s3.example.org, http or https, without query")}
	}
	return nil
}

func (d *DirectoryLocation) validate(p *field.Path) field.ErrorList {
	errs := validateAbsolute(p.Child("path"), d.Path)
	if d.Path == "" {
		errs = append(errs, field.Required(p.Child("path"), "an absolute path"))
	}
	seen := map[string]bool{}
	for i, r := range d.AgeRecipients {
		p := p.Child("ageRecipients").Index(i)
		switch {
		case strings.HasPrefix(strings.ToUpper(r), "AGE-SECRET-KEY-"):
			errs = append(errs, field.Invalid(p, field.OmitValueType{}, "is a private key; give the public one, which begins with age1, and put this one into the ageIdentityFile"))
		case !ageRecipient.MatchString(r):
			errs = append(errs, field.Invalid(p, field.OmitValueType{}, "must be an age public key, which begins with age1 and is lower-case"))
		case seen[r]:
			errs = append(errs, field.Duplicate(p, r))
		}
		seen[r] = true
	}
	return append(errs, validateAbsolute(p.Child("ageIdentityFile"), d.AgeIdentityFile)...)
}

func validateAbsolute(p *field.Path, name string) field.ErrorList {
	if name == "" {
		return nil
	}
	if !path.IsAbs(name) || path.Clean(name) != name || strings.ContainsRune(name, 0) {
		return field.ErrorList{field.Invalid(p, name, "must be an absolute path without . or .. or doubled slashes, and without a slash at its end")}
	}
	return nil
}
