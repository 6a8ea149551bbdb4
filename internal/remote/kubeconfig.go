// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"
)

// Access is how another API server is reached, and by which credentials. It is all that is
// ever taken from a kubeconfig: what has no field here cannot have an effect.
type Access struct {
	// Server is the URL of the API server; its scheme is https.
	Server string
	// ServerName is the name that its certificate must have; empty for that in the URL.
	ServerName string
	// Authority holds the certificates, as PEM, of which one must have signed the server's.
	Authority []byte
	// Token is a bearer token; empty where a certificate is used.
	Token string
	// Certificate and Key of the client, as PEM; empty where a token is used.
	Certificate, Key []byte
}

// errUnreadable does not repeat what the parser says: it may quote a credential.
var errUnreadable = errors.New("it is no kubeconfig: it cannot be read as YAML or JSON of the kind Config; look at it with kubectl config view --kubeconfig")

// Parse reads the current context of a kubeconfig and refuses everything by which whoever
// wrote it could run a program in the operator's place, read its files, or have it trust or
// be somebody else. Other contexts are never looked at. The error names the field and says
// what to do instead; it quotes no value, because conditions are read by many.
func Parse(kubeconfig []byte) (Access, error) {
	var config clientcmdapi.Config
	if err := yaml.Unmarshal(kubeconfig, &config); err != nil {
		return Access{}, errUnreadable
	}
	if config.CurrentContext == "" {
		return Access{}, errors.New("current-context is not set: name the context to use (kubectl config use-context)")
	}
	use, err := only(config.Contexts, "contexts", config.CurrentContext, func(c clientcmdapi.NamedContext) (string, clientcmdapi.Context) { return c.Name, c.Context })
	if err != nil {
		return Access{}, err
	}
	cluster, err := only(config.Clusters, "clusters", use.Cluster, func(c clientcmdapi.NamedCluster) (string, clientcmdapi.Cluster) { return c.Name, c.Cluster })
	if err != nil {
		return Access{}, err
	}
	user, err := only(config.AuthInfos, "users", use.AuthInfo, func(u clientcmdapi.NamedAuthInfo) (string, clientcmdapi.AuthInfo) { return u.Name, u.AuthInfo })
	if err != nil {
		return Access{}, err
	}
	if err := errors.Join(vetCluster(cluster), vetUser(user)); err != nil {
		return Access{}, oneLine(err)
	}
	return Access{
		Server: cluster.Server, ServerName: cluster.TLSServerName, Authority: cluster.CertificateAuthorityData,
		Token: strings.TrimSpace(user.Token), Certificate: user.ClientCertificateData, Key: user.ClientKeyData,
	}, nil
}

// only is the one entry of a list that has the name.
func only[N, E any](list []N, field, name string, split func(N) (string, E)) (E, error) {
	var found []E
	for _, named := range list {
		if n, entry := split(named); n == name {
			found = append(found, entry)
		}
	}
	if name == "" || len(found) != 1 {
		var none E
		return none, fmt.Errorf("%s has %d entries of the name that the current context refers to, and must have one: kubectl config view --minify --flatten writes such a file", field, len(found))
	}
	return found[0], nil
}

func vetCluster(c clientcmdapi.Cluster) error {
	return errors.Join(
		refuse(c.InsecureSkipTLSVerify, "insecure-skip-tls-verify", "anybody could answer for the cluster: leave it out and set certificate-authority-data"),
		refuse(c.CertificateAuthority != "", "certificate-authority", "files are not read: set certificate-authority-data to the content"),
		refuse(c.ProxyURL != "", "proxy-url", "leave it out: the operator uses the proxy that HTTPS_PROXY in its own environment names, if any"),
		vetAuthority(c),
		vetServer(c.Server),
	)
}

func vetAuthority(c clientcmdapi.Cluster) error {
	if len(c.CertificateAuthorityData) == 0 {
		return refuse(c.CertificateAuthority == "", "certificate-authority-data", "it is missing, and the operator trusts no public authority: set it to the certificate of the cluster's authority")
	}
	return refuse(!x509.NewCertPool().AppendCertsFromPEM(c.CertificateAuthorityData), "certificate-authority-data", "it holds no certificate in PEM form")
}

func vetServer(server string) error {
	address, err := url.Parse(server)
	if err != nil || address.Host == "" {
		return refuse(true, "server", "it is no URL: set it to https://host:port of the API server")
	}
	return errors.Join(
		refuse(address.Scheme != "https", "server", "only https is used: without it credentials and answers could be read and changed on the way"),
		refuse(address.User != nil || address.RawQuery != "" || address.Fragment != "", "server", "a user, query or fragment has no place in it: set it to https://host:port"),
	)
}

func vetUser(u clientcmdapi.AuthInfo) error {
	const impersonation = "the operator acts for nobody: give the account itself the role rampart-remote-reader"
	return errors.Join(
		refuse(u.Exec != nil, "exec", "the operator runs no programs: set token to that of a service account"),
		refuse(u.AuthProvider != nil, "auth-provider", "such plugins are not used: set token to that of a service account"),
		refuse(u.TokenFile != "", "tokenFile", "files are not read: set token to the content"),
		refuse(u.ClientCertificate != "", "client-certificate", "files are not read: set client-certificate-data to the content"),
		refuse(u.ClientKey != "", "client-key", "files are not read: set client-key-data to the content"),
		refuse(u.Username != "" || u.Password != "", "username", "API servers take no passwords: set token to that of a service account"),
		refuse(u.Impersonate != "" || u.ImpersonateUID != "" || len(u.ImpersonateGroups) > 0 || len(u.ImpersonateUserExtra) > 0, "as", impersonation),
		vetCredentials(u),
	)
}

// vetCredentials wants exactly one way to say who the client is, so that nobody wonders
// which of two was revoked.
func vetCredentials(u clientcmdapi.AuthInfo) error {
	token, certified := strings.TrimSpace(u.Token), len(u.ClientCertificateData) > 0 || len(u.ClientKeyData) > 0
	named := u.Exec != nil || u.AuthProvider != nil || u.TokenFile != "" || u.ClientCertificate != "" || u.ClientKey != "" || u.Username != ""
	switch {
	case token == "" && !certified:
		return refuse(!named, "token", "there are no credentials: set token to that of a service account")
	case token != "" && certified:
		return refuse(true, "client-certificate-data", "there is a token too: leave one of them out")
	case certified:
		_, err := tls.X509KeyPair(u.ClientCertificateData, u.ClientKeyData)
		return refuse(err != nil, "client-certificate-data", "it and client-key-data are no pair of certificate and key in PEM form")
	default:
		return refuse(strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }), "token", "it holds characters that no token has: copy it again")
	}
}

func refuse(wrong bool, field, why string) error {
	if !wrong {
		return nil
	}
	return fmt.Errorf("%s: %s", field, why)
}

// oneLine joins what errors.Join has put on lines of their own.
func oneLine(err error) error {
	return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
}
