# What manifests/embed.c takes in by .incbin, which the compiler's own dependency files do not list.
$(B)/manifests/embed.o: $(wildcard manifests/*.yaml manifests/dialects/*.yaml manifests/licences/*.txt)
