// A vCenter for tests: govmomi's simulator behind a front that is as strict and as careless with
// files as the real one, and does wrong what a test asks it to.
//
// Files under /folder/ are served to the cookie of a live session only. A PUT writes straight to
// the file it names, replaces what lies there, and leaves half a file when its data breaks off.
//
//	POST /control/expire                              every session ends
//	POST /control/fail?status=503&n=1&method=PUT      the next n requests to /folder/ are answered so
//	POST /control/delay?ms=100                        every request to /folder/ waits first
//	POST /control/norange?on=true                     ranges are not honoured
//	POST /control/redirect?n=1&to=here|elsewhere      the next n are redirected, with a ticket
//	POST /control/sdk?status=503&n=1&call=C           the next n SOAP calls (of C) are answered so
//	POST /control/fault?call=C&fault=F&n=1            the next n calls of C end with the fault F
//	POST /control/lose?call=C&n=1&status=504          the next n calls of C are done, but not answered, or so
//	POST /control/forget_tasks                        what became of the next move is not told
//	POST /control/space?datastore=D&free=N&accessible=true
//	POST /control/reset                               all of that is over
//	POST /control/forget?under=D                      folder D of all datastores goes
//	GET  /control/files?under=D                       the files below folder D of all datastores
//	GET  /control/cookies                             cookies that came to the other origin
//	GET  /control/logins                              logins that were tried
package main

import (
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/soap"
)

// What a test has asked for.
type trouble struct {
	status, statusLeft int
	method             string
	delay              time.Duration
	noRange            bool
	redirectsLeft      int
	redirectTo         string
	sdkStatus, sdkLeft int
	faultCall, fault   string
	faultLeft          int
	loseCall           string
	loseLeft           int
	loseStatus         int
	sdkCall            string
	forgetTasks        bool
	moved              bool
}

type front struct {
	simulator http.Handler
	data      string
	elsewhere string

	mutex   sync.Mutex
	live    map[string]bool
	trouble trouble
	cookies int
	logins  int
}

const ticket = "one-time"

// take counts one of what is left down.
func take(left *int) bool {
	if *left <= 0 {
		return false
	}
	*left--
	return true
}

func session(request *http.Request) string {
	cookie, err := request.Cookie(soap.SessionCookieName)
	if err != nil {
		return ""
	}
	value, _ := url.QueryUnescape(cookie.Value)
	return strings.Trim(value, `"`)
}

func (f *front) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	switch {
	case strings.HasPrefix(request.URL.Path, "/control/"):
		f.control(answer, request)
	case strings.HasPrefix(request.URL.Path, "/folder/"):
		f.folder(answer, request)
	case request.URL.Path == "/sdk":
		f.sdk(answer, request)
	default:
		f.simulator.ServeHTTP(answer, request)
	}
}

func (f *front) sdk(answer http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	is := func(call string) bool { return call != "" && bytes.Contains(body, []byte("<"+call)) }
	f.mutex.Lock()
	if is("Login ") {
		f.logins++
	}
	if id := session(request); id != "" && !f.live[id] {
		request.Header.Del("Cookie") // a session that ended is none
	}
	status, fault, lost, lostStatus := 0, "", false, 0
	t := &f.trouble
	t.moved = t.moved || t.forgetTasks && is("MoveDatastoreFile_Task")
	if t.moved && bytes.Contains(body, []byte("<type>Task</type>")) {
		fault, t.moved, t.forgetTasks = "ManagedObjectNotFound", false, false
	} else if (t.sdkCall == "" || is(t.sdkCall)) && take(&f.trouble.sdkLeft) {
		status = f.trouble.sdkStatus
	} else if is(f.trouble.faultCall) && take(&f.trouble.faultLeft) {
		fault = f.trouble.fault
	} else if is(f.trouble.loseCall) && take(&f.trouble.loseLeft) {
		lost, lostStatus = true, f.trouble.loseStatus
	}
	f.mutex.Unlock()
	if status != 0 {
		http.Error(answer, "as asked", status)
		return
	}
	if fault != "" {
		answer.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(answer, faultAnswer, fault, fault)
		return
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	recorder := httptest.NewRecorder()
	f.simulator.ServeHTTP(recorder, request)
	if lost && lostStatus != 0 {
		http.Error(answer, "as asked", lostStatus)
		return
	}
	if lost {
		panic(http.ErrAbortHandler)
	}
	f.note(recorder.Result())
	for name, values := range recorder.Header() {
		answer.Header()[name] = values
	}
	answer.WriteHeader(recorder.Code)
	_, _ = answer.Write(recorder.Body.Bytes())
}

const faultAnswer = `<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" ` +
	`xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault>` +
	`<faultcode>ServerFaultCode</faultcode><faultstring>as asked</faultstring><detail>` +
	`<%sFault xmlns="urn:vim25" xsi:type="%s"/></detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>`

// note remembers the session that an answer opens.
func (f *front) note(result *http.Response) {
	for _, cookie := range result.Cookies() {
		if cookie.Name == soap.SessionCookieName {
			value, _ := url.QueryUnescape(cookie.Value)
			f.mutex.Lock()
			f.live[strings.Trim(value, `"`)] = true
			f.mutex.Unlock()
		}
	}
}

func (f *front) folder(answer http.ResponseWriter, request *http.Request) {
	f.mutex.Lock()
	authenticated := f.live[session(request)] || request.URL.Query().Get("ticket") == ticket
	delay, status, redirect := f.trouble.delay, 0, ""
	if f.trouble.method == "" || f.trouble.method == request.Method {
		if take(&f.trouble.statusLeft) {
			status = f.trouble.status
		}
	}
	if take(&f.trouble.redirectsLeft) {
		redirect = f.trouble.redirectTo
	}
	f.mutex.Unlock()
	time.Sleep(delay)
	switch {
	case !authenticated:
		answer.Header().Set("WWW-Authenticate", `Basic realm="VMware HTTP server"`)
		http.Error(answer, "no session", http.StatusUnauthorized)
	case status != 0:
		http.Error(answer, "as asked", status)
	case redirect != "":
		target := *request.URL
		target.Scheme, target.Host = "https", request.Host
		if redirect == "elsewhere" {
			target.Host = f.elsewhere
			target.RawQuery += "&ticket=" + ticket
		}
		http.Redirect(answer, request, target.String(), http.StatusFound)
	default:
		f.file(answer, request)
	}
}

func (f *front) file(answer http.ResponseWriter, request *http.Request) {
	file := f.path(request.URL)
	if file == "" {
		http.NotFound(answer, request)
		return
	}
	switch request.Method {
	case http.MethodGet, http.MethodHead:
		f.read(answer, request, file)
	case http.MethodPut:
		write(answer, request, file)
	default:
		http.Error(answer, "method", http.StatusMethodNotAllowed)
	}
}

func (f *front) read(answer http.ResponseWriter, request *http.Request, file string) {
	open, err := os.Open(file)
	if err != nil {
		http.NotFound(answer, request)
		return
	}
	defer open.Close()
	info, err := open.Stat()
	if err != nil || info.IsDir() {
		http.NotFound(answer, request)
		return
	}
	f.mutex.Lock()
	if f.trouble.noRange {
		request.Header.Del("Range")
	}
	f.mutex.Unlock()
	answer.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(answer, request, "", time.Time{}, open)
}

func write(answer http.ResponseWriter, request *http.Request, file string) {
	code := http.StatusOK
	if _, err := os.Stat(file); err != nil {
		code = http.StatusCreated
	}
	// No folder is made: a client has to ask for it.
	open, err := os.Create(file)
	if err != nil {
		http.NotFound(answer, request)
		return
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{open}, request.Body, make([]byte, 1<<18))
	if closing := open.Close(); err == nil {
		err = closing
	}
	if err != nil {
		http.Error(answer, "broken off", http.StatusInternalServerError)
		return
	}
	answer.WriteHeader(code)
}

// path is the file that a URL means; "" where there is no such datastore.
func (f *front) path(target *url.URL) string {
	query := target.Query()
	for _, entity := range simulator.Map.All("Datastore") {
		datastore := entity.(*simulator.Datastore)
		if datastore.Name == query.Get("dsName") && strings.Trim(query.Get("dcPath"), "/") == "DC0" {
			inside := filepath.Clean("/" + strings.TrimPrefix(target.Path, "/folder/"))
			return filepath.Join(datastore.Info.GetDatastoreInfo().Url, inside)
		}
	}
	return ""
}

func (f *front) control(answer http.ResponseWriter, request *http.Request) {
	query := request.URL.Query()
	number := func(name string) int { value, _ := strconv.Atoi(query.Get(name)); return value }
	times := number("n")
	if times == 0 {
		times = 1
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	t := &f.trouble
	switch strings.TrimPrefix(request.URL.Path, "/control/") {
	case "expire":
		f.live = map[string]bool{}
	case "fail":
		t.status, t.statusLeft, t.method = number("status"), times, query.Get("method")
	case "delay":
		t.delay = time.Duration(number("ms")) * time.Millisecond
	case "norange":
		t.noRange = query.Get("on") == "true"
	case "redirect":
		t.redirectsLeft, t.redirectTo = times, query.Get("to")
	case "sdk":
		t.sdkStatus, t.sdkLeft, t.sdkCall = number("status"), times, query.Get("call")
	case "fault":
		t.faultCall, t.fault, t.faultLeft = query.Get("call"), query.Get("fault"), times
	case "forget_tasks":
		t.forgetTasks = true
	case "lose":
		t.loseCall, t.loseLeft, t.loseStatus = query.Get("call"), times, number("status")
	case "space":
		free, _ := strconv.ParseInt(query.Get("free"), 10, 64)
		setSpace(query.Get("datastore"), free, query.Get("accessible") != "false")
	case "reset":
		f.trouble = trouble{}
		setSpace("", plenty, true)
	case "forget":
		forget(query.Get("under"))
	case "files":
		f.list(answer, query.Get("under"))
		return
	case "cookies":
		fmt.Fprint(answer, f.cookies)
		return
	case "logins":
		fmt.Fprint(answer, f.logins)
		return
	default:
		http.NotFound(answer, request)
		return
	}
	answer.WriteHeader(http.StatusNoContent)
}

func (f *front) list(answer http.ResponseWriter, under string) {
	for _, entity := range simulator.Map.All("Datastore") {
		datastore := entity.(*simulator.Datastore)
		files, _ := os.ReadDir(filepath.Join(datastore.Info.GetDatastoreInfo().Url, filepath.Clean("/"+under)))
		for _, file := range files {
			fmt.Fprintf(answer, "[%s] %s\n", datastore.Name, file.Name())
		}
	}
}

// forget removes a folder of all datastores.
func forget(under string) {
	for _, entity := range simulator.Map.All("Datastore") {
		datastore := entity.(*simulator.Datastore)
		if inside := filepath.Clean("/" + under); inside != "/" {
			_ = os.RemoveAll(filepath.Join(datastore.Info.GetDatastoreInfo().Url, inside))
		}
	}
}

const plenty = 1 << 40

// setSpace says what a datastore has free, or all of them where none is named.
func setSpace(name string, free int64, accessible bool) {
	for _, entity := range simulator.Map.All("Datastore") {
		datastore := entity.(*simulator.Datastore)
		if name == "" || datastore.Name == name {
			simulator.Map.WithLock(datastore, func() {
				datastore.Summary.FreeSpace = free
				datastore.Info.GetDatastoreInfo().FreeSpace = free
				datastore.Summary.Accessible = accessible
			})
		}
	}
}

// other is the other origin: it serves who has a ticket, and counts cookies that stray there.
func (f *front) other(answer http.ResponseWriter, request *http.Request) {
	f.mutex.Lock()
	f.cookies += len(request.Cookies())
	f.mutex.Unlock()
	if request.URL.Query().Get("ticket") != ticket {
		http.Error(answer, "no ticket", http.StatusUnauthorized)
		return
	}
	f.file(answer, request)
}

func main() {
	listen := flag.String("listen", "127.0.0.45:443", "address")
	elsewhere := flag.String("elsewhere", "127.0.0.45:8443", "address of the other origin")
	data := flag.String("data", "", "folder with a folder for each datastore")
	user := flag.String("user", "", "who may log in")
	pass := flag.String("pass", "", "with which password")
	cert := flag.String("cert", "", "certificate")
	key := flag.String("key", "", "its key")
	flag.Parse()

	model := simulator.VPX()
	model.Datacenter, model.Datastore, model.Machine, model.Cluster, model.ClusterHost = 1, 2, 0, 0, 0
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword(*user, *pass)}
	defer model.Service.NewServer().Close()
	for _, entity := range simulator.Map.All("Datastore") {
		datastore := entity.(*simulator.Datastore)
		folder := filepath.Join(*data, datastore.Name)
		if err := os.MkdirAll(folder, 0o700); err != nil {
			log.Fatal(err)
		}
		datastore.Info.GetDatastoreInfo().Url = folder
		datastore.Summary.Url = folder
	}
	setSpace("", plenty, true)

	f := &front{simulator: model.Service.ServeMux, data: *data, elsewhere: *elsewhere, live: map[string]bool{}}
	go func() { log.Fatal(server(*elsewhere, http.HandlerFunc(f.other)).ListenAndServeTLS(*cert, *key)) }()
	log.Fatal(server(*listen, f).ListenAndServeTLS(*cert, *key))
}

// server speaks HTTP/1.1, as vCenter does here.
func server(address string, handler http.Handler) *http.Server {
	return &http.Server{
		Addr:         address,
		Handler:      handler,
		TLSConfig:    &tls.Config{MinVersion: tls.VersionTLS12},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
}
