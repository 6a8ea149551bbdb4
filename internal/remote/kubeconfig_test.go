// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remote_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/rampart-dev/rampart/internal/remote"
)

// pair is a certificate that signs itself, and its key, as PEM.
func pair(t testing.TB) (certificate, key []byte) {
	t.Helper()
	g := NewWithT(t)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	g.Expect(err).NotTo(HaveOccurred())
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	g.Expect(err).NotTo(HaveOccurred())
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// kubeconfig of a service account's token, as an administrator would write it, with edits.
func kubeconfig(t testing.TB, authority []byte, edit ...func(*clientcmdapi.Config)) []byte {
	t.Helper()
	config := &clientcmdapi.Config{
		APIVersion: "v1", Kind: "Config", CurrentContext: "staging",
		Clusters: []clientcmdapi.NamedCluster{{Name: "staging", Cluster: clientcmdapi.Cluster{
			Server: "https://staging.example:6443", CertificateAuthorityData: authority,
		}}},
		AuthInfos: []clientcmdapi.NamedAuthInfo{{Name: "rampart", AuthInfo: clientcmdapi.AuthInfo{Token: "secret-token"}}},
		Contexts:  []clientcmdapi.NamedContext{{Name: "staging", Context: clientcmdapi.Context{Cluster: "staging", AuthInfo: "rampart"}}},
	}
	for _, e := range edit {
		e(config)
	}
	text, err := yaml.Marshal(config)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return text
}

func TestAKubeconfigIsReadAsFarAsItIsHarmless(t *testing.T) {
	g := NewWithT(t)
	certificate, key := pair(t)

	access, err := remote.Parse(kubeconfig(t, certificate, func(c *clientcmdapi.Config) {
		c.Clusters[0].Cluster.TLSServerName = "kubernetes"
		c.AuthInfos[0].AuthInfo.Token = "secret-token\n"
		c.AuthInfos = append(c.AuthInfos, clientcmdapi.NamedAuthInfo{Name: "me", AuthInfo: clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{Command: "aws"}}})
		c.Contexts = append(c.Contexts, clientcmdapi.NamedContext{Name: "mine", Context: clientcmdapi.Context{Cluster: "staging", AuthInfo: "me"}})
		c.Extensions = []clientcmdapi.NamedExtension{{Name: "tool", Extension: runtime.RawExtension{Raw: []byte(`{"a":1}`)}}}
	}))
	g.Expect(err).NotTo(HaveOccurred(), "other contexts are never looked at")
	g.Expect(access).To(Equal(remote.Access{
		Server: "https://staging.example:6443", ServerName: "kubernetes", Authority: certificate, Token: "secret-token",
	}))

	access, err = remote.Parse(kubeconfig(t, certificate, func(c *clientcmdapi.Config) {
		c.AuthInfos[0].AuthInfo = clientcmdapi.AuthInfo{ClientCertificateData: certificate, ClientKeyData: key}
	}))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(access.Token).To(BeEmpty())
	g.Expect(access.Certificate).To(Equal(certificate))
	g.Expect(access.Key).To(Equal(key))
}

func TestAKubeconfigIsRefusedWhenItCouldDoHarm(t *testing.T) {
	certificate, key := pair(t)
	_, strange := pair(t)
	cluster := func(edit func(*clientcmdapi.Cluster)) []byte {
		return kubeconfig(t, certificate, func(c *clientcmdapi.Config) { edit(&c.Clusters[0].Cluster) })
	}
	user := func(edit func(*clientcmdapi.AuthInfo)) []byte {
		return kubeconfig(t, certificate, func(c *clientcmdapi.Config) { edit(&c.AuthInfos[0].AuthInfo) })
	}
	whole := func(edit func(*clientcmdapi.Config)) []byte { return kubeconfig(t, certificate, edit) }
	for name, c := range map[string]struct {
		kubeconfig []byte
		says       string
	}{
		"nothing":                       {nil, "current-context is not set"},
		"text":                          {[]byte("secret-token"), "it is no kubeconfig"},
		"half of a file":                {kubeconfig(t, certificate)[:200], "current-context is not set"},
		"a list":                        {[]byte("- secret-token"), "it is no kubeconfig"},
		"another kind":                  {[]byte("apiVersion: v1\nkind: Secret\ndata: {a: secret-token}"), "current-context is not set"},
		"no current context":            {whole(func(c *clientcmdapi.Config) { c.CurrentContext = "" }), "current-context is not set"},
		"a context that is not there":   {whole(func(c *clientcmdapi.Config) { c.CurrentContext = "other" }), "contexts has 0 entries"},
		"a context twice":               {whole(func(c *clientcmdapi.Config) { c.Contexts = append(c.Contexts, c.Contexts[0]) }), "contexts has 2 entries"},
		"a cluster that is not there":   {whole(func(c *clientcmdapi.Config) { c.Clusters[0].Name = "other" }), "clusters has 0 entries"},
		"a user that is not there":      {whole(func(c *clientcmdapi.Config) { c.AuthInfos[0].Name = "other" }), "users has 0 entries"},
		"a context without a user":      {whole(func(c *clientcmdapi.Config) { c.Contexts[0].Context.AuthInfo = "" }), "users has 0 entries"},
		"a user without a name":         {whole(func(c *clientcmdapi.Config) { c.Contexts[0].Context.AuthInfo, c.AuthInfos[0].Name = "", "" }), "users has 1 entries"},
		"TLS that is not verified":      {cluster(func(c *clientcmdapi.Cluster) { c.InsecureSkipTLSVerify = true }), "insecure-skip-tls-verify: "},
		"an authority in a file":        {cluster(func(c *clientcmdapi.Cluster) { c.CertificateAuthority = "/ca.crt" }), "certificate-authority: files are not read"},
		"no authority":                  {cluster(func(c *clientcmdapi.Cluster) { c.CertificateAuthorityData = nil }), "certificate-authority-data: it is missing"},
		"an authority that is none":     {cluster(func(c *clientcmdapi.Cluster) { c.CertificateAuthorityData = []byte("x") }), "certificate-authority-data: it holds no certificate"},
		"a proxy":                       {cluster(func(c *clientcmdapi.Cluster) { c.ProxyURL = "http://proxy.example" }), "proxy-url: "},
		"plain http":                    {cluster(func(c *clientcmdapi.Cluster) { c.Server = "http://staging.example" }), "server: only https"},
		"no scheme":                     {cluster(func(c *clientcmdapi.Cluster) { c.Server = "staging.example:6443" }), "server: "},
		"no server":                     {cluster(func(c *clientcmdapi.Cluster) { c.Server = "" }), "server: it is no URL"},
		"a password in the URL":         {cluster(func(c *clientcmdapi.Cluster) { c.Server = "https://me:secret-token@staging.example" }), "server: a user, query or fragment"},
		"a query in the URL":            {cluster(func(c *clientcmdapi.Cluster) { c.Server += "?a=b" }), "server: a user, query or fragment"},
		"a program":                     {user(func(u *clientcmdapi.AuthInfo) { u.Exec = &clientcmdapi.ExecConfig{Command: "sh"} }), "exec: the operator runs no programs"},
		"a program beside nothing":      {user(func(u *clientcmdapi.AuthInfo) { u.Token, u.Exec = "", &clientcmdapi.ExecConfig{Command: "sh"} }), "exec: "},
		"a plugin":                      {user(func(u *clientcmdapi.AuthInfo) { u.AuthProvider = &clientcmdapi.AuthProviderConfig{Name: "oidc"} }), "auth-provider: "},
		"a token in a file":             {user(func(u *clientcmdapi.AuthInfo) { u.TokenFile = "/var/run/secrets/kubernetes.io/serviceaccount/token" }), "tokenFile: files are not read"},
		"a certificate in a file":       {user(func(u *clientcmdapi.AuthInfo) { u.ClientCertificate = "/me.crt" }), "client-certificate: files are not read"},
		"a key in a file":               {user(func(u *clientcmdapi.AuthInfo) { u.ClientKey = "/me.key" }), "client-key: files are not read"},
		"a password":                    {user(func(u *clientcmdapi.AuthInfo) { u.Username, u.Password = "me", "secret-token" }), "username: "},
		"a password alone":              {user(func(u *clientcmdapi.AuthInfo) { u.Password = "secret-token" }), "username: "},
		"impersonation":                 {user(func(u *clientcmdapi.AuthInfo) { u.Impersonate = "admin" }), "as: "},
		"impersonation by UID":          {user(func(u *clientcmdapi.AuthInfo) { u.ImpersonateUID = "1" }), "as: "},
		"impersonation of a group":      {user(func(u *clientcmdapi.AuthInfo) { u.ImpersonateGroups = []string{"system:masters"} }), "as: "},
		"impersonation by extras":       {user(func(u *clientcmdapi.AuthInfo) { u.ImpersonateUserExtra = map[string][]string{"a": {"b"}} }), "as: "},
		"nobody":                        {user(func(u *clientcmdapi.AuthInfo) { u.Token = " " }), "token: there are no credentials"},
		"a token with a line break":     {user(func(u *clientcmdapi.AuthInfo) { u.Token = "secret-\r\ntoken" }), "token: it holds characters"},
		"a token and a certificate":     {user(func(u *clientcmdapi.AuthInfo) { u.ClientCertificateData, u.ClientKeyData = certificate, key }), "there is a token too"},
		"a certificate without its key": {user(func(u *clientcmdapi.AuthInfo) { u.Token, u.ClientCertificateData = "", certificate }), "client-certificate-data: "},
		"a key without its certificate": {user(func(u *clientcmdapi.AuthInfo) { u.Token, u.ClientKeyData = "", key }), "client-certificate-data: "},
		"a certificate of another's key": {user(func(u *clientcmdapi.AuthInfo) {
			u.Token, u.ClientCertificateData, u.ClientKeyData = "", certificate, strange
		}), "no pair"},
		"everything at once is said once": {user(func(u *clientcmdapi.AuthInfo) { u.TokenFile, u.Impersonate = "/token", "admin" }), "tokenFile: files are not read: set token to the content; as: "},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			access, err := remote.Parse(c.kubeconfig)
			g.Expect(err).To(MatchError(ContainSubstring(c.says)))
			g.Expect(err.Error()).NotTo(ContainSubstring("secret-"), "no credential may stand in a condition")
			g.Expect(err.Error()).NotTo(ContainSubstring("\n"))
			g.Expect(access).To(BeZero())
		})
	}
}

// FuzzAKubeconfigNeverGivesMoreThanAnAddressAndCredentials: whatever is in the Secret, it is
// refused or leads to a server over verified TLS, with one kind of credentials.
func FuzzAKubeconfigNeverGivesMoreThanAnAddressAndCredentials(f *testing.F) {
	certificate, key := pair(f)
	f.Add(kubeconfig(f, certificate))
	f.Add(kubeconfig(f, certificate, func(c *clientcmdapi.Config) {
		c.AuthInfos[0].AuthInfo = clientcmdapi.AuthInfo{ClientCertificateData: certificate, ClientKeyData: key}
	}))
	f.Add(kubeconfig(f, certificate, func(c *clientcmdapi.Config) { c.Clusters[0].Cluster.InsecureSkipTLSVerify = true }))
	f.Add([]byte("current-context: a\ncontexts: [{name: a}]\nusers: [{}]\nclusters: [{}]"))
	f.Add([]byte("a: &a [*a, *a]"))
	f.Add([]byte("users: {exec: 1}"))
	f.Add([]byte("\x00\xff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		g := NewWithT(t)
		access, err := remote.Parse(text)
		if err != nil {
			g.Expect(access).To(BeZero())
			return
		}
		g.Expect(strings.ToLower(access.Server)).To(HavePrefix("https://"))
		g.Expect(x509.NewCertPool().AppendCertsFromPEM(access.Authority)).To(BeTrue())
		byToken, byCertificate := access.Token != "", len(access.Certificate) > 0
		g.Expect(byToken).NotTo(Equal(byCertificate), "one way to prove who it is")
	})
}
