package salvor

import "strconv"

// Count says a number and its noun, for messages: 1 object, 2 objects.
func Count[N int | int64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.FormatInt(int64(n), 10) + " " + noun
}
