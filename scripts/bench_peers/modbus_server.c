/* A Modbus TCP server of libmodbus for scripts/bench, as its own example for many masters has it
 * (tests/bandwidth-server-many-up.c): the tables of the manual with fixed values, any free port of
 * 127.0.0.1, told on stdout as HOST:PORT. The sockets are waited for with epoll, which costs less
 * than the example's select.
 *
 * gcc -O2 modbus_server.c -lmodbus (packages gcc, libc6-dev, libmodbus-dev)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <modbus/modbus.h>

#define COILS 4
#define DISCRETE_INPUTS 11
#define HOLDING_REGISTERS 6
#define INPUT_REGISTERS 30
#define MASTERS 64
#define AT_ONCE 64

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, modbus_strerror(errno));
    return 1;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int main(void)
{
    modbus_t *server = modbus_new_tcp("127.0.0.1", 0);
    modbus_mapping_t *tables =
        modbus_mapping_new(COILS, DISCRETE_INPUTS, HOLDING_REGISTERS, INPUT_REGISTERS);
    if (server == NULL || tables == NULL)
        return failed("libmodbus");
    for (int at = 0; at < INPUT_REGISTERS; at++)
        tables->tab_input_registers[at] = 13390;
    int listening = modbus_tcp_listen(server, MASTERS);
    if (listening < 0)
        return failed("modbus_tcp_listen");
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    getsockname(listening, (struct sockaddr *)&address, &size);
    printf("127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    int epoll = epoll_create1(0);
    watch(epoll, listening);
    for (;;) {
        struct epoll_event events[AT_ONCE];
        int count = epoll_wait(epoll, events, AT_ONCE, -1);
        for (int at = 0; at < count; at++) {
            if (events[at].data.fd == listening) {
                int fd = modbus_tcp_accept(server, &listening);
                if (fd >= 0)
                    watch(epoll, fd);
                continue;
            }
            uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
            modbus_set_socket(server, events[at].data.fd);
            int length = modbus_receive(server, request);
            if (length > 0)
                modbus_reply(server, request, length, tables);
            else if (length < 0)
                close(events[at].data.fd);
        }
    }
}
