# bash completion for flowmint-verify: its own --help says what there is.
_flowmint_verify() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	case $prev:$cur in
	--extract:* | --state:*) compopt -o filenames; COMPREPLY=($(compgen -d -- "$cur")) ;;
	--signer:*) COMPREPLY=() ;;
	*:-*) COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p')" -- "$cur")) ;;
	*) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")) ;;
	esac
}
complete -F _flowmint_verify flowmint-verify
