# A real server at port 80 of its host; SIGUSR2 makes it answer 500, and 200 again. In Perl, which every Debian has: a small process dies
# at once, whereas emulated processors take a tenth of a second to take down a large one, which would be counted as ours.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my $status = "200 OK";
$SIG{USR2} = sub { $status = $status eq "200 OK" ? "500 Broken" : "200 OK" };
$SIG{PIPE} = "IGNORE";
my $listener = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 80, Listen => 512, ReuseAddr => 1)
  or die "cannot listen: $!\n";
my $sockets = IO::Select->new($listener);
while (1) {
  for my $socket ($sockets->can_read) {
    if ($socket == $listener) {
      my $client = $listener->accept;
      $sockets->add($client) if defined $client;
      next;
    }
    my $read = sysread $socket, my $request, 4096;
    if ($read) {
      syswrite $socket, "HTTP/1.1 $status\r\nContent-Length: 2\r\n\r\nok";
      next if $request !~ m{HTTP/1\.0|Connection: close};
    }
    $sockets->remove($socket);
    close $socket;
  }
}
