// libjpeg's errors as return values.
#pragma once

#include <csetjmp>
#include <cstdio>

// clang-format off: it needs cstdio's FILE
#include <jpeglib.h>
// clang-format on

namespace penstock {

// libjpeg reports an error by a call that must not return: it jumps back into `attempt`. So nothing that runs inside
// `attempt` may hold an object with a destructor.
class JpegGuard {
 public:
  JpegGuard() = default;
  JpegGuard(const JpegGuard&) = delete;
  JpegGuard& operator=(const JpegGuard&) = delete;

  // Before jpeg_create_...; the guard has to outlive the object.
  template <typename Info>
  void watch(Info& info) {
    info.err = jpeg_std_error(&errors_);
    errors_.error_exit = on_error;
    errors_.output_message = ignore;
    info.client_data = this;
  }

  // Runs `body`; false when libjpeg reported an error in it.
  template <typename Body>
  __attribute__((noinline)) bool attempt(Body body) {
    if (setjmp(jump_) != 0) return false;
    body();
    return true;
  }

  const char* message() const { return message_; }

 private:
  static void on_error(j_common_ptr info) {
    JpegGuard* const guard = static_cast<JpegGuard*>(info->client_data);
    info->err->format_message(info, guard->message_);
    std::longjmp(guard->jump_, 1);
  }

  static void ignore(j_common_ptr) {}

  jpeg_error_mgr errors_;
  std::jmp_buf jump_;
  char message_[JMSG_LENGTH_MAX] = {};
};

}  // namespace penstock
