#include "model/codec/windows.h"

#include "base/mem.h"

int fm_windows_find(const struct fm_table *t, int window, size_t **first, size_t *n, struct fm_error *err)
{
	size_t *f = NULL, nf = 0;
	if (fm_alloc(&f, t->rows / (size_t)window + 1, sizeof *f, "window starts", err) < 0)
		return err->code;
	for (size_t i = 0, j; i < t->rows; i = j) {
		if (FM_HAS(t, FM_WIN))
			for (j = i; j < t->rows && t->win[j] == t->win[i]; j++)
				;
		else
			j = i + (size_t)window < t->rows ? i + (size_t)window : t->rows;
		if (j - i == (size_t)window)
			f[nf++] = i;
	}
	*first = f;
	*n = nf;
	return FM_OK;
}
