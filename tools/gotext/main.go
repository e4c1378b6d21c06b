// Command gotext prints what Go makes of text: the table that Bob's own functions are compared with.
//
// It is run by hand, when a case is added or Go's Unicode tables change:
//
//	cd tools && go run ./gotext > ../testdata/go_text.txt
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/docker/go-units"
)

const head = `# What Go makes of text. Made by tools/gotext; not written by hand.
#
#   FUNCTION ARGUMENT… => RESULT
#
# A text stands in double quotes; in it \xNN is one byte, and every byte outside printable ASCII, \ and " are written so.
`

// Texts on which upper and lower case, white space and bytes that are no UTF-8 show.
var texts = []string{
	"", "a", "A", "aA1-_", "Straße", "STRASSE", "ẞ", "İ", "ı", "I", "i", "ǅ", "ǆ", "Ǆ", "Σ", "ΑΣ", "σς", "\u212a", "\u017f",
	"K", "S", "ŉ", "ﬁ", "é", "É", "e\u0301", "Ω", "\u2126", "ω", "µ", "μ", "ß", "Å", "\u212b", "Ა", "ა", "Ꭰ", "ꭰ",
	"\xff", "a\xe2\x82b", "\xed\xa0\x80", "\xf0\x9f\x98", "😀", "\ufffd", "\ufeff", "\u2028", "\x00", "\x7f",
	" a ", "\t\v\f\r\n a", "\u00a0a\u3000", "\u0085a\u0085", "a\xa0", "\x85a", "\u2003", "\u200ba", "\u180ea", "\u1680 a",
	"a\"b\\c'", "\a\b\f\n\r\t\v", "\x01\x1b", "\u00ad", "\ue000", "\U000e0001", "\u0301", "<a>&\u2029", "世界", "\U0010ffff",
}

// Pairs that fold together or only seem to.
var pairs = [][2]string{
	{"as", "AS"}, {"aſ", "AS"}, {"a", "as"}, {"\u212a", "k"}, {"\u212a", "K"}, {"ß", "ẞ"}, {"ß", "ss"}, {"ς", "Σ"}, {"ς", "σ"},
	{"ǅ", "ǆ"}, {"ǅ", "Ǆ"}, {"İ", "i"}, {"İ", "I"}, {"ı", "I"}, {"\u2126", "ω"}, {"µ", "μ"}, {"\u212b", "å"}, {"é", "É"},
	{"Ა", "ა"}, {"ꭰ", "Ꭰ"}, {"ﬁ", "FI"}, {"1", "1"}, {"", ""}, {"x", ""}, {"K8s", "k8S"}, {"ı", "i"}, {"ı", "İ"}, {"θ", "ϑ"}, {"ϴ", "θ"}, {"ᲀ", "В"}, {"Ω", "ω"}, {"ŉ", "ʼn"}, {"\ufb05", "\ufb06"},
}

var patterns = [][2]string{
	{"abc", "abc"}, {"*", "abc"}, {"*c", "abc"}, {"a*", "a"}, {"a*", "abc"}, {"a*b*c*d", "axbxcxd"}, {"a*b?c*x", "abxbbxdbxebxczzx"},
	{"a*b?c*x", "abxbbxdbxebxczzy"}, {"a?c", "aüc"}, {"a??c", "aüc"}, {"[a-c]x", "bx"}, {"[^a]x", "bx"}, {"[^a]x", "ax"},
	{"[ä-ü]", "ö"}, {"[ä-ü]", "a"}, {"a\\*", "a*"}, {"a\\*", "ab"}, {"*.txt", "a.b.txt"}, {"[\\]]", "]"}, {"[\\]a]", "a"}, {"**", "x"},
	{"", ""}, {"", "x"}, {"abc", "ab"}, {"ab", "abc"}, {"*c", "ab"}, {"a?", "a"}, {"[a-c]", "d"}, {"[", "a"}, {"a\\", "a"},
	{"[]a]", "]"}, {"[-]", "-"}, {"[x-]", "x"}, {"[-x]", "x"}, {"[a-b-c]", "a"}, {"[\\-x]", "-"}, {"[\\-x]", "a"}, {"[a", "a"}, {"a[", "a"},
	{"a[", "ab"}, {"a[", "x"}, {"*x", "xxx"}, {"*x", "xxxy"}, {"[^", "b"}, {"[^bc", "a"}, {"ab[c]", "abc"}, {"ab[b-d]", "abc"},
	{"ab[^e-g]", "abc"}, {"[!a]", "b"}, {"[!a]", "!"}, {"?", "\xff"}, {"[\xff]", "\xff"}, {"[a\xff]", "a"}, {"[\ufffd]", "\xff"}, {"[a-\ufffd]", "\xff"}, {"[\\\xff]", "\xff"}, {"\xff", "\xff"}, {"*\xff", "a\xff"}, {"[a-ζ]*", "α"},
	{"*[a-ζ]", "α"}, {"[a-ζ]", "\u03c7"}, {"a*\\", "ab"}, {"*[", ""}, {"\\a", "a"}, {"[z-a]", "m"}, {"[^z-a]", "m"},
}

var durations = []int64{
	0, 1, 999, 1000, 1100, 999_999, 1_000_000, 2_200_000, 999_999_999, 1_000_000_000, 1_000_000_001, 1_500_000_000, 30_000_000_000,
	59_999_999_999, 60_000_000_000, 90_000_000_000, 3_600_000_000_000, 3_601_000_000_000, 5_430_500_000_000, 86_400_000_000_000,
	-1, -1_500_000_000, math.MaxInt64, math.MinInt64,
}

var booleans = []string{"1", "t", "T", "true", "TRUE", "True", "tRUE", "0", "f", "F", "false", "FALSE", "False", "", "yes", " true", "01"}

var writtenDurations = []string{
	"", "0", "-0", "+0", "1", "s", ".s", "1.s", ".5s", "1h30m", "1m1h", "1.5h", "-1.5ms", "+2us", "2µs", "2μs", "1ns1ns", "1 s", "1d", "1S", "--1s", "1.2.3s",
	"0.99999999999999999999999s", "1.123456789123456789s", "0.1234567891h", "9223372036854775807ns", "9223372036854775808ns",
	"-9223372036854775808ns", "-9223372036854775809ns", "2562047h47m16.854775807s", "2562047h47m16.854775808s", "99999999999999999999h", "1s.",
}

var sizes = []string{
	"", "0", "10", "-1", "+1", "1b", "1B", "1k", "1K", "1kb", "1KB", "1KiB", "1ki", "1.5k", "1 KB", "1  k", "2MiB", ".5g", "1t", "1P", "1e", "1e3", "+1e3", "1_000",
	"1__0", "_1", "1x", "1kbb", "1bb", "1 kib ", "1.2.3", "1.", ".", " ", " 1", "1 ", "k", "1e999", "0x10", "99999999p", "8191p", "8192p", "inf", "nan",
}

var lists = [][]string{{}, {""}, {"a"}, {"a", "b c"}, {"é", "\xff"}, {"a\"b", "\n"}, {"", ""}}

// text writes bytes as the head of the table says.
func text(value string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, b := range []byte(value) {
		if b < ' ' || b > '~' || b == '"' || b == '\\' {
			fmt.Fprintf(&out, "\\x%02x", b)
		} else {
			out.WriteByte(b)
		}
	}
	out.WriteByte('"')
	return out.String()
}

func row(function string, result any, arguments ...string) {
	fmt.Print(function)
	for _, argument := range arguments {
		fmt.Print(" ", text(argument))
	}
	if value, ok := result.(string); ok {
		result = text(value)
	}
	fmt.Println(" =>", result)
}

// orNone returns a value that was read, or the word that stands for an error.
func orNone(value any, err error) any {
	if err != nil {
		return errors.New("none")
	}
	return value
}

func main() {
	fmt.Print(head)
	for _, t := range texts {
		row("[]rune", string([]rune(t)), t)
		row("strings.ToLower", strings.ToLower(string([]rune(t))), string([]rune(t)))
		row("strings.ToUpper", strings.ToUpper(string([]rune(t))), string([]rune(t)))
		row("bytes.TrimSpace", string(bytes.TrimSpace([]byte(t))), t)
		row("bytes.TrimLeftFunc", string(bytes.TrimLeftFunc([]byte(t), unicode.IsSpace)), t)
		row("strconv.Quote", strconv.Quote(t), t)
		encoded, err := json.Marshal(string([]rune(t)))
		if err != nil {
			panic(err)
		}
		row("json.Marshal", string(encoded), string([]rune(t)))
	}
	for _, p := range pairs {
		row("strings.EqualFold", strings.EqualFold(p[0], p[1]), p[0], p[1])
	}
	for _, p := range patterns {
		matched, err := filepath.Match(p[0], p[1])
		row("filepath.Match", matched && err == nil, p[0], p[1])
	}
	for _, d := range durations {
		row("Duration.String", time.Duration(d).String(), strconv.FormatInt(d, 10))
	}
	for _, b := range booleans {
		value, err := strconv.ParseBool(b)
		row("strconv.ParseBool", orNone(value, err), b)
	}
	for _, d := range writtenDurations {
		value, err := time.ParseDuration(d)
		row("time.ParseDuration", orNone(int64(value), err), d)
	}
	for _, s := range sizes {
		value, err := units.RAMInBytes(s)
		row("units.RAMInBytes", orNone(value, err), s)
	}
	for _, l := range lists {
		row("fmt %q", fmt.Sprintf("%q", l), l...)
		if utf8.ValidString(strings.Join(l, "")) {
			row("fmt %v", fmt.Sprintf("%v", l), l...)
		}
	}
}
