# What core/tests and core/fuzz share: the engine built with sanitizers, where the compiler has them (SANITIZE= turns
# them off). Included from a folder beside engine/; objects of the engine are made once for both.

CXX      ?= c++
SANITIZE ?= $(shell echo 'int main() {}' | $(CXX) -x c++ -fsanitize=address,undefined -o /dev/null - 2>/dev/null \
              && echo address,undefined)
BUILD    ?= ../../build/engine-tests
OPTIMIZE ?= -O1
CXXFLAGS += -std=c++17 $(OPTIMIZE) -g1 -Wall -Wextra -ffp-contract=off -pthread -MMD -MP -I..
LDLIBS   += -ljpeg

ifneq ($(SANITIZE),)
CXXFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
ifneq ($(CONDA_PREFIX),)
CXXFLAGS += -I$(CONDA_PREFIX)/include
LDFLAGS  += -L$(CONDA_PREFIX)/lib -Wl,-rpath,$(CONDA_PREFIX)/lib
endif

ENGINE_OBJECTS := $(patsubst ../%.cpp,$(BUILD)/core/%.o,$(wildcard ../engine/*.cpp ../engine/*/*.cpp))
ENGINE         := $(BUILD)/engine.a

$(ENGINE): $(ENGINE_OBJECTS)
	rm -f $@
	$(AR) rc $@ $^

$(BUILD)/core/%.o: ../%.cpp
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -c $< -o $@

-include $(ENGINE_OBJECTS:.o=.d)
