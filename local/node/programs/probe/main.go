// A program for tests: it asks for a URL, and reads and writes a file, from where its pod is.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

func main() {
	http.HandleFunc("/web/health", func(w http.ResponseWriter, _ *http.Request) { say(w, map[string]any{"status": "pass"}) })
	http.HandleFunc("/fetch", func(w http.ResponseWriter, r *http.Request) { say(w, fetch(r.URL.Query().Get("url"))) })
	http.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { say(w, file(r)) })
	server := &http.Server{Addr: ":8069", ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// fetch asks for a URL; of the API server, as the pod's own account.
func fetch(url string) map[string]any {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	transport := &http.Transport{}
	if authority, err := os.ReadFile(account + "ca.crt"); err == nil && request.URL.Scheme == "https" {
		known := x509.NewCertPool()
		known.AppendCertsFromPEM(authority)
		transport.TLSClientConfig = &tls.Config{RootCAs: known}
		token, _ := os.ReadFile(account + "token")
		request.Header.Set("Authorization", "Bearer "+string(token))
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: transport}
	answer, err := client.Do(request)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return map[string]any{"status": answer.StatusCode, "body": string(body)}
}

// file writes what is sent to a path, or reads it.
func file(r *http.Request) map[string]any {
	path := r.URL.Query().Get("path")
	if r.Method == http.MethodPut {
		body, _ := io.ReadAll(r.Body)
		if err := os.WriteFile(path, body, 0o600); err != nil {
			return map[string]any{"error": err.Error()}
		}
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return map[string]any{"body": string(body), "user": os.Getuid()}
}

func say(w http.ResponseWriter, what map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(what)
}
