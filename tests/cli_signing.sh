#!/bin/sh
# Keys that the program does not read itself: one with a passphrase, one in an ssh-agent, one on a FIDO token (of which a small
# agent plays the part).  Releases by them verify here and by ssh-keygen; without the secret nothing is released.
# usage: cli_signing.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
unset SSH_AUTH_SOCK SSH_ASKPASS DISPLAY WAYLAND_DISPLAY
agent=
cleanup() {
	[ -z "$agent" ] || kill $agent 2>/dev/null
}

toy_unwaived 4 2 600

key() { # NAME ssh-keygen's options: a key of ssh-keygen's own, which may sign all
	name=$1
	shift
	ssh-keygen -q -t ed25519 -f "p/keys/$name" "$@" </dev/null && allow "$name" "p/keys/$name.pub"
}
allow() { # NAME FILE.pub
	echo "$1 namespaces=\"flowmint,flowmint-release,flowmint-waiver\" $(cut -d' ' -f1,2 "$2")" >>p/allowed_signers
}
release() { # VERSION KEY [OPTION...]: without a terminal
	version=$1 with=$2
	shift 2
	setsid "$F" run p $UNCONFINED --quiet --set release.version="$version" --set publish.key="$T/p/keys/$with" "$@"
}
accepted() { # VERSION SIGNER: by both programs
	archive=p/release/toy-$1.tar.zst
	expect 0 "$2: the release verifies" "$V" --no-state --signer "$2" --signers p/allowed_signers "$archive"
	says out "record " "$2: with its record"
	expect 0 "$2: ssh-keygen says so too" sh -c "ssh-keygen -Y verify -f p/allowed_signers -I $2 -n flowmint -s $archive.sig <$archive"
	expect 0 "$2: of the record too" sh -c "ssh-keygen -Y verify -f p/allowed_signers -I $2 -n flowmint-release -s ${archive%.tar.zst}.RELEASE.json.sig <${archive%.tar.zst}.RELEASE.json"
}
nothing() { # VERSION NAME
	holds "$2: nothing is released" test -z "$(find p/release -name "toy-$1*" 2>/dev/null)"
}

# --- a passphrase ---
holds "(a key with a passphrase)" key locked -N "open sesame"
echo "open sesame" >pass
echo "open barley" >wrong
expect 0 "a waiver by it" sh -c "setsid '$F' waive p/release.yaml --check controls.broken --reason 'a test of bytes' --expires 2099-12-31 \
	--key p/keys/locked --passphrase-fd 3 3<pass"
expect 3 "a wrong passphrase for a waiver" sh -c "setsid '$F' waive p/release.yaml --check jsd_mean8 --reason 'a test of bytes' --expires 2099-12-31 \
	--key p/keys/locked --passphrase-fd 3 3<wrong"
holds "leaves none" test ! -e p/waivers/jsd_mean8.waiver
expect 3 "a wrong passphrase" release 1.0.0 locked --passphrase-fd 3 3<wrong
says err "ssh-keygen could not sign with $T/p/keys/locked" "names the key"
nothing 1.0.0 "a wrong passphrase"
holds "and is found before any stage" test -z "$(ls p/workspace/stages 2>/dev/null)"
expect 3 "none, and no terminal" release 1.0.0 locked
nothing 1.0.0 "no passphrase"
holds "and is found before any stage" test -z "$(ls p/workspace/stages 2>/dev/null)"
expect 0 "the passphrase on a descriptor" release 1.0.0 locked --passphrase-fd 3 3<pass --json
accepted 1.0.0 locked
holds "it is written nowhere" sh -c '! grep -rq "open sesame" p'
expect 2 "a descriptor that is not a number" release 1.0.1 locked --passphrase-fd x
mkdir bin
cat >bin/ssh-keygen <<END
#!/bin/sh
# Whoever types a passphrase takes time, in which the release folder may become another one.
case "\$*" in *" flowmint-release "*) mv p/release p/before && mkdir p/release;; esac
exec $(command -v ssh-keygen) "\$@"
END
chmod +x bin/ssh-keygen
expect 3 "a folder that is replaced while the record is signed" env PATH="$T/bin:$PATH" "$F" run p $UNCONFINED --quiet --set release.version=1.0.1 \
	--set publish.key="$T/p/keys/locked" --passphrase-fd 3 3<pass
says err "release is not the folder that it was when this run began" "is refused"
nothing 1.0.1 "a folder that was replaced"
holds "nor in the one that was there" test -z "$(find p/before -name 'toy-1.0.1*')"
holds "whose log is as it was" test "$(wc -l <p/before/LOG.jsonl)" = 1
rmdir p/release && mv p/before p/release

# --- an agent ---
holds "(a key)" key agent -N ""
eval "$(ssh-agent -s -a "$T/agent.sock")" >/dev/null
agent=$SSH_AGENT_PID
ssh-add -q p/keys/agent 2>/dev/null
mv p/keys/agent away
expect 0 "a key that an agent has, by its public half" release 1.1.0 agent.pub
accepted 1.1.0 agent
ssh-add -q -D 2>/dev/null
mv p/workspace aside # nothing to go on from
expect 3 "an agent that has it no more" release 1.1.1 agent.pub
nothing 1.1.1 "an agent without the key"
# Where somebody is there no signature is tried beforehand: the agent is asked all the same.
early() { # WORDS WHAT
	expect 3 "$2, on a terminal" on_terminal "$F" run p $UNCONFINED --quiet --set publish.key="$T/p/keys/agent.pub"
	says out "$1" "$2: is told as '$1'"
	holds "$2: before any stage" test -z "$(ls p/workspace/stages 2>/dev/null)"
}
early "does not have its private half: run ssh-add" "an agent without the key"
kill $agent
until_true 60 test ! -e agent.sock # it takes its socket away when it gets to it
early "does not answer: start one and run ssh-add" "an agent that is gone"
rm -rf p/workspace && mv aside p/workspace
agent=
unset SSH_AUTH_SOCK SSH_AGENT_PID

# --- a token ---
cat >token.py <<'PY'
"""An ssh-agent with one key as a FIDO token has it: sk-ssh-ed25519@openssh.com (PROTOCOL.u2f), by openssl."""
import base64, hashlib, os, socket, struct, subprocess, sys
path, flags = sys.argv[1], int(sys.argv[2])
TYPE, APPLICATION = b"sk-ssh-ed25519@openssh.com", b"ssh:"
def string(b): return struct.pack(">I", len(b)) + b
subprocess.check_call(["openssl", "genpkey", "-algorithm", "ed25519", "-out", "token.pem"])
point = subprocess.check_output(["openssl", "pkey", "-in", "token.pem", "-pubout", "-outform", "DER"])[-32:]
blob = string(TYPE) + string(point) + string(APPLICATION)
open("p/keys/token.pub.tmp", "w").write("%s %s token\n" % (TYPE.decode(), base64.b64encode(blob).decode()))
def sign(data):
    message = hashlib.sha256(APPLICATION).digest() + struct.pack(">BI", flags, 7) + hashlib.sha256(data).digest()
    open("token.msg", "wb").write(message)
    raw = subprocess.check_output(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "token.pem", "-in", "token.msg"])
    return string(TYPE) + string(raw) + struct.pack(">BI", flags, 7)
listening = socket.socket(socket.AF_UNIX)
listening.bind(path)
listening.listen()
os.rename("p/keys/token.pub.tmp", "p/keys/token.pub")
def whole(c, n):
    b = b""
    while len(b) < n:
        more = c.recv(n - len(b))
        if not more:
            raise EOFError
        b += more
    return b
while True:
    c, _ = listening.accept()
    try:
        while True:
            m = whole(c, struct.unpack(">I", whole(c, 4))[0])
            if m[0] == 11: # the list of identities
                answer = bytes([12]) + struct.pack(">I", 1) + string(blob) + string(b"token")
            elif m[0] == 13: # sign
                n = struct.unpack(">I", m[1:5])[0]
                k = struct.unpack(">I", m[5 + n:9 + n])[0]
                answer = bytes([14]) + string(sign(m[9 + n:9 + n + k]))
            else:
                answer = bytes([5])
            c.sendall(string(answer))
    except EOFError:
        c.close()
PY
token() { # FLAGS: 1 it was touched
	rm -f token.sock p/keys/token.pub
	"$PYTHON" token.py "$T/token.sock" "$1" &
	agent=$!
	until_true 60 test -e p/keys/token.pub
}
token 1
export SSH_AUTH_SOCK="$T/token.sock"
allow token p/keys/token.pub
expect 0 "a key on a token" release 1.2.0 token.pub
accepted 1.2.0 token
sed '$s/namespaces="[^"]*"/namespaces="other"/' p/allowed_signers >others
expect 1 "its line must let it" "$V" --no-state --signer token --signers others p/release/toy-1.2.0.tar.zst
kill $agent
wait $agent 2>/dev/null
token 0
allow token p/keys/token.pub
expect 1 "a token that nobody touched is not believed" release 1.3.0 token.pub
nothing 1.3.0 "an untouched token"
finish
