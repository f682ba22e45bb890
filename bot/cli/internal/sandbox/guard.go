package sandbox

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
)

// guard keeps strangers from the page: anyone who reaches it acts for everyone
// in it. On loopback without a token it is enough that requests are meant for
// loopback; with a token each must bring it.
type guard struct{ addr, token string }

const tokenCookie = "cancelbot_sandbox"

// address is where a person opens the page.
func (g guard) address() string {
	host, port, _ := net.SplitHostPort(g.addr)
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost" // of whichever machine leads here
	}
	address := "http://" + net.JoinHostPort(host, port) + "/"
	if g.token != "" {
		address += "?token=" + url.QueryEscape(g.token)
	}
	return address
}

func (g guard) protect(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	if g.token != "" {
		return g.needsToken(next)
	}
	return g.sameHost(next)
}

// sameHost refuses requests that another site's name was made to point here
// for (DNS rebinding).
func (g guard) sameHost(next http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(g.addr)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Host != g.addr && r.Host != "localhost:"+port && r.Host != "127.0.0.1:"+port {
			http.Error(rw, "this page is served on loopback only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// needsToken takes the token from the address once, and from a cookie from
// then on. A name that was made to point here has no cookie.
func (g guard) needsToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if given := r.URL.Query().Get("token"); r.Method == http.MethodGet && r.URL.Path == "/" && g.right(given) {
			http.SetCookie(rw, &http.Cookie{Name: tokenCookie, Value: url.QueryEscape(given), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
			rw.Header().Set("Referrer-Policy", "no-referrer")
			http.Redirect(rw, r, "/", http.StatusSeeOther)
			return
		}
		if cookie, err := r.Cookie(tokenCookie); err == nil {
			if given, err := url.QueryUnescape(cookie.Value); err == nil && g.right(given) {
				next.ServeHTTP(rw, r)
				return
			}
		}
		http.Error(rw, "Open the address that the sandbox printed, with its token.", http.StatusForbidden)
	})
}

// right compares in constant time.
func (g guard) right(given string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(g.token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
