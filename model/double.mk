# The loops of GANs over numbers are vectorised, whatever CFLAGS say of the rest.
FLAGS_model_nn_dense := -O3
FLAGS_model_nn_draws := -O3

# The kernels, the network and its backbones once more in double precision, for the test of their gradients alone: it is related
# with these before the libraries, which hold the same names in single precision.
DOUBLE := $(patsubst %.c,$(B)/double/%.o,base/kernels.c base/kernels_v1.c model/nn/params.c model/diffusion/multinomial.c model/diffusion/net.c model/nn/backbone.c model/nn/layers.c model/nn/layers_cpu.c model/nn/sink.c model/nn/sink_kept.c \
	  model/nn/transformer.c model/nn/unet.c model/nn/mlp.c tests/unit/test_gradients.c)

-include $(wildcard $(B)/double/*/*.d $(B)/double/*/*/*.d)

$(B)/double/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(FLAGS_$(subst /,_,$*)) -DFM_DOUBLE -c -o $@ $<
$(B)/tests/test_gradients: $(DOUBLE) $(call lib,model) $(call lib,manifests) $(call lib,base)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS_ALL)

# The same for CTGAN's networks.
DOUBLE_CTGAN := $(patsubst %.c,$(B)/double/%.o,base/kernels.c base/kernels_v1.c model/nn/params.c model/nn/dense.c model/nn/heads.c model/nn/critic.c model/ctgan/net.c tests/unit/test_ctgan_gradients.c)

$(B)/tests/test_ctgan_gradients: $(DOUBLE_CTGAN) $(call lib,base)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS_ALL)

# And for the plain diffusion's, around the same backbones.
DOUBLE_PLAIN := $(patsubst %.c,$(B)/double/%.o,base/kernels.c base/kernels_v1.c model/nn/params.c model/nn/backbone.c model/nn/layers.c model/nn/layers_cpu.c model/nn/sink.c model/nn/sink_kept.c \
		model/nn/transformer.c model/nn/unet.c model/nn/mlp.c model/plain/net.c tests/unit/test_plain_gradients.c)

$(B)/tests/test_plain_gradients: $(DOUBLE_PLAIN) $(call lib,base)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS_ALL)

# And for NetShare's.
DOUBLE_NETSHARE := $(patsubst %.c,$(B)/double/%.o,base/kernels.c base/kernels_v1.c model/nn/params.c model/nn/dense.c model/nn/heads.c model/nn/critic.c model/nn/lstm.c model/netshare/net.c \
		   tests/unit/test_netshare_gradients.c)

$(B)/tests/test_netshare_gradients: $(DOUBLE_NETSHARE) $(call lib,base)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS_ALL)
