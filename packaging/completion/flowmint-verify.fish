# fish completion for flowmint-verify: its own --help says what there is.
complete -c flowmint-verify -F
complete -c flowmint-verify -n 'string match -q -- "-*" (commandline -ct)' \
	-a '(flowmint-verify --help | string replace -rf "^  (--[a-z-]+) *(.*)" \'$1\t$2\')'
