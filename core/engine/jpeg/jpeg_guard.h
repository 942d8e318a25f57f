// libjpeg's errors as return values, and a limit to its patience.
#pragma once

#include <csetjmp>
#include <cstdio>
#include <string>

// clang-format off: it needs cstdio's FILE
#include <jpeglib.h>
// clang-format on

#include "engine/error.h"

namespace penstock {

// A hostile progressive file can repeat scans that cost nothing to store and much to apply.
constexpr int kMaxScans = 500;

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

  // Throws Error(kDecode) with libjpeg's message.
  [[noreturn]] void refuse() const {
    throw Error(Fault::kDecode,
                std::string("libjpeg reports \"") + message_ + "\"; fetch the file again, or remove it");
  }

  // A progress monitor for the objects that are watched.
  static void limit_scans(j_common_ptr info) {
    if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
    JpegGuard* const guard = of(info);
    std::snprintf(guard->message_, sizeof guard->message_, "more than %d scans", kMaxScans);
    std::longjmp(guard->jump_, 1);
  }

 private:
  static JpegGuard* of(j_common_ptr info) { return static_cast<JpegGuard*>(info->client_data); }

  static void on_error(j_common_ptr info) {
    JpegGuard* const guard = of(info);
    info->err->format_message(info, guard->message_);
    std::longjmp(guard->jump_, 1);
  }

  static void ignore(j_common_ptr) {}

  jpeg_error_mgr errors_;
  std::jmp_buf jump_;
  char message_[JMSG_LENGTH_MAX] = {};
};

}  // namespace penstock
