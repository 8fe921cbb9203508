# What report/style.c takes in by .incbin, which the compiler does not list.
$(B)/report/style.o: report/report.css
