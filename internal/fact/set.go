package fact

// A Set is everything observed on one host. Fields nobody asked for have the
// zero State.
type Set struct {
	OS             Observed[OS]              `json:"os"`
	Kernel         Observed[Kernel]          `json:"kernel"`
	Boot           Observed[Boot]            `json:"boot"`
	Platform       Observed[Platform]        `json:"platform"`
	MachineID      Observed[string]          `json:"machine_id"`
	CPU            Observed[CPU]             `json:"cpu"`
	Load           Observed[Load]            `json:"load"`
	Memory         Observed[Memory]          `json:"memory"`
	Filesystems    Observed[[]Filesystem]    `json:"filesystems"`
	Disks          Observed[[]Disk]          `json:"disks"`
	Interfaces     Observed[[]Interface]     `json:"interfaces"`
	Routes         Observed[[]Route]         `json:"routes"`
	DNS            Observed[DNS]             `json:"dns"`
	Sockets        Observed[Sockets]         `json:"sockets"`
	Processes      Observed[[]Process]       `json:"processes"`
	Services       Observed[[]Service]       `json:"services"`
	Schedules      Observed[[]Schedule]      `json:"schedules"`
	Firewall       Observed[Firewall]        `json:"firewall"`
	Packages       Observed[[]Package]       `json:"packages"`
	Libraries      Observed[[]Library]       `json:"libraries"`
	Certs          Observed[[]Cert]          `json:"certs"`
	Balancers      Observed[[]Balancer]      `json:"balancers"`
	Dependencies   Observed[[]Dependency]    `json:"dependencies"`
	Configurations Observed[[]Configuration] `json:"configurations"`
	Upstreams      Observed[[]Upstream]      `json:"upstreams"`
	VirtualRouters Observed[[]VirtualRouter] `json:"virtual_routers"`
	RedisSettings  Observed[[]Setting]       `json:"redis_settings"`
	Clock          Observed[Clock]           `json:"clock"`
	Changes        Observed[[]Change]        `json:"changes"`
	Network        Observed[Network]         `json:"network"`
	DiskRates      Observed[[]DiskRate]      `json:"disk_rates"`

	// Only a deep look asks for these.
	Databases       Observed[[]Database]       `json:"databases"`
	BalancerServers Observed[[]BalancerServer] `json:"balancer_servers"`
	Caches          Observed[[]Cache]          `json:"caches"`
	Replies         Observed[[]Reply]          `json:"replies"`
	Heartbeats      Observed[[]Heartbeat]      `json:"heartbeats"`
}
