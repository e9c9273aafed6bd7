# A real server at port 80 of its host; SIGUSR2 makes it answer 500, and 200 again. It prints a line for each request from the address that it is
# given, which is where checks come from. In Perl, which every Debian has: a small process dies
# at once, whereas emulated processors take a tenth of a second to take down a large one, which would be counted as ours.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($checker) = @ARGV;
my %isChecker;
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
      next unless defined $client;
      $sockets->add($client);
      $isChecker{$client} = 1 if $client->peerhost eq $checker;
      next;
    }
    my $read = sysread $socket, my $request, 4096;
    if ($read) {
      syswrite STDOUT, "checked\n" if $isChecker{$socket};
      syswrite $socket, "HTTP/1.1 $status\r\nContent-Length: 2\r\n\r\nok";
      next if $request !~ m{HTTP/1\.0|Connection: close};
    }
    $sockets->remove($socket);
    delete $isChecker{$socket};
    close $socket;
  }
}
